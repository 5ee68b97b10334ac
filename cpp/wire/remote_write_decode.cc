#include "cpp/wire/remote_write_decode.h"

#include <utility>

#include "cpp/lib/compression.h"
#include "cpp/wire/proto_fields.h"
#include "cpp/wire/proto_reader.h"

namespace tocsin::wire {
namespace {

using View = std::string_view;

// How many levels of nesting are left to what is inside each message.
constexpr int kInSeries = kDepthMax - 1;
constexpr int kInPartOfSeries = kInSeries - 1;  // A label, a sample, a histogram, an exemplar.

// The field of labels, in a series and in an exemplar, in both messages.
constexpr uint32_t kLabels = Tag(1, WireType::kBytes);

constexpr size_t kBucketsPerItem = 8;
// Of one series. What is sent in earnest has a few dozen; two bytes can make a label.
constexpr size_t kLabelsMax = 65'536;

MetricType TypeOf(uint64_t number) {
  switch (number) {
    case 1:
      return MetricType::kCounter;
    case 2:
      return MetricType::kGauge;
    case 3:
      return MetricType::kHistogram;
    case 4:
      return MetricType::kGaugeHistogram;
    case 5:
      return MetricType::kSummary;
    case 6:
      return MetricType::kInfo;
    case 7:
      return MetricType::kStateSet;
    default:
      return MetricType::kUnknown;
  }
}

bool ReadLabel(View message, LabelView* label, WireError* error) {
  return ForEachField(message, error, [&](uint32_t tag, const char* p, const char* end) {
    switch (tag) {
      case Tag(1, WireType::kBytes):
        return ReadBytes(p, end, &label->name);
      case Tag(2, WireType::kBytes):
        return ReadBytes(p, end, &label->value);
      default:
        return SkipField(p, end, tag, kInPartOfSeries);
    }
  });
}

Status Malformed(const WireError& error, View body) {
  return InvalidArgumentError(std::string("malformed remote write request: ") + error.what +
                              ", at byte " + std::to_string(error.at - body.data()));
}

}  // namespace

class WriteRequestReader {
 public:
  WriteRequestReader(WriteRequest* out, WriteMessage message, const WriteLimits& limits)
      : out_(*out), v2_(message == WriteMessage::kV2), items_left_(limits.max_items) {}

  Status Read(View body) {
    const bool ok = v2_ ? ReadV2(body) : ReadV1(body);
    if (exhausted_) {
      return ResourceExhaustedError("the remote write request has too many items; send fewer");
    }
    if (!ok) return Malformed(error_, body);
    LinkSeries();
    return {};
  }

 private:
  using Series = WriteRequest::Series;
  using LabelsRef = WriteRequest::LabelsRef;

  // Where the parts of a series end, as long as the vectors still grow.
  struct Ends {
    size_t samples;
    size_t histograms;
    size_t exemplars;
  };

  // ---- 1.0

  bool ReadV1(View body) {
    return ForEachField(body, &error_, [&](uint32_t tag, const char* p, const char* end) {
      switch (tag) {
        case Tag(1, WireType::kBytes):
          return ReadMessage(p, end, [&](View message) { return ReadSeriesV1(message, body); });
        case Tag(3, WireType::kBytes):
          return ReadMessage(p, end, [&](View message) { return ReadMetadataV1(message); });
        default:
          return SkipField(p, end, tag, kDepthMax);
      }
    });
  }

  bool ReadSeriesV1(View message, View body) {
    if (!Charge(1)) return false;
    Series& series = StartSeries(message, body);
    LabelRun labels(&out_);
    const bool ok = ForEachField(message, &error_,
                                 [&](uint32_t tag, const char* p, const char* end) -> const char* {
                                   switch (tag) {
                                     case kLabels:
                                       return labels.Add(p, end);
                                     case Tag(2, WireType::kBytes):
                                       return ReadSample(p, end);
                                     case Tag(3, WireType::kBytes):
                                       return ReadExemplar(p, end);
                                     case Tag(4, WireType::kBytes):
                                       return ReadHistogramField(p, end);
                                     default:
                                       return SkipField(p, end, tag, kInSeries);
                                   }
                                 });
    series.labels.bytes = labels.bytes();
    series.identity = Hash128(series.labels.bytes);
    EndSeries();
    return ok;
  }

  bool ReadMetadataV1(View message) {
    if (!Charge(1)) return false;
    MetricMetadata& metadata = out_.metadata_.emplace_back();
    return ForEachField(message, &error_, [&](uint32_t tag, const char* p, const char* end) {
      View text;
      uint64_t number = 0;
      switch (tag) {
        case Tag(1, WireType::kVarint):
          p = ReadVarint(p, end, &number);
          metadata.type = TypeOf(number);
          return p;
        case Tag(2, WireType::kBytes):
          p = ReadBytes(p, end, &text);
          metadata.family = text;
          return p;
        case Tag(4, WireType::kBytes):
          p = ReadBytes(p, end, &text);
          metadata.help = text;
          return p;
        case Tag(5, WireType::kBytes):
          p = ReadBytes(p, end, &text);
          metadata.unit = text;
          return p;
        default:
          return SkipField(p, end, tag, kInSeries);
      }
    });
  }

  // The labels of one message: a view of its bytes as long as they are in one piece, as every known
  // sender has them.
  class LabelRun {
   public:
    explicit LabelRun(WriteRequest* request) : request_(*request) {}

    // Behind the tag of a label.
    const char* Add(const char* p, const char* end) {
      const char* const begin = p - 1;  // The tag; one that is padded is in the copy only.
      View ignored;
      p = ReadBytes(p, end, &ignored);
      if (p == nullptr) return nullptr;
      const View field(begin, static_cast<size_t>(p - begin));
      if (*begin != static_cast<char>(kLabels)) {
        Copy().push_back(static_cast<char>(kLabels));
        copy_->append(field.substr(1));
      } else if (copy_ != nullptr) {
        copy_->append(field);
      } else if (bytes_.empty()) {
        bytes_ = field;
      } else if (bytes_.end() == field.begin()) {
        bytes_ = {bytes_.data(), bytes_.size() + field.size()};
      } else {
        Copy().append(field);
      }
      return p;
    }
    View bytes() const { return copy_ == nullptr ? bytes_ : View(*copy_); }

   private:
    std::string& Copy() {
      if (copy_ == nullptr) copy_ = &request_.bytes_.emplace_back(bytes_);
      return *copy_;
    }

    WriteRequest& request_;
    View bytes_;
    std::string* copy_ = nullptr;
  };

  // ---- 2.0

  // The symbols may come behind the series that refer to them: the series are read last.
  bool ReadV2(View body) {
    std::vector<View> series;
    const bool ok = ForEachField(body, &error_,
                                 [&](uint32_t tag, const char* p, const char* end) -> const char* {
                                   switch (tag) {
                                     case Tag(4, WireType::kBytes):
                                       if (!Charge(1)) return nullptr;
                                       return ReadBytes(p, end, &out_.symbols_.emplace_back());
                                     case Tag(5, WireType::kBytes):
                                       if (!Charge(1)) return nullptr;
                                       return ReadBytes(p, end, &series.emplace_back());
                                     default:
                                       return SkipField(p, end, tag, kDepthMax);
                                   }
                                 });
    if (!ok) return false;
    symbol_hashes_.reserve(out_.symbols_.size());
    for (const View symbol : out_.symbols_) symbol_hashes_.push_back(Hash128(symbol));
    for (const View message : series) {
      if (!ReadSeriesV2(message, body)) return false;
    }
    return true;
  }

  bool ReadSeriesV2(View message, View body) {
    Series& series = StartSeries(message, body);
    const size_t first_sample = out_.samples_.size();
    const size_t first_histogram = out_.histograms_.size();
    std::vector<uint32_t>& refs = series_refs_;
    refs.clear();
    Millis created = 0;
    const bool ok = ForEachField(
        message, &error_, [&](uint32_t tag, const char* p, const char* end) -> const char* {
          switch (tag) {
            case kLabels:
            case Tag(1, WireType::kVarint):
              return ReadRefs(tag, p, end, &refs);
            case Tag(2, WireType::kBytes):
              return ReadSample(p, end);
            case Tag(3, WireType::kBytes):
              return ReadHistogramField(p, end);
            case Tag(4, WireType::kBytes):
              return ReadExemplar(p, end);
            case Tag(5, WireType::kBytes):
              return ReadMessage(p, end, [&](View m) { return ReadMetadataV2(m, &series); });
            case Tag(6, WireType::kVarint):  // Of senders before Prometheus 3.10.
              return ReadInt64(p, end, &created);
            default:
              return SkipField(p, end, tag, kInSeries);
          }
        });
    if (!ok || !Charge(refs.size() / 2)) return false;
    series.labels = KeepRefs(refs);
    series.identity = IdentityOf(refs, series);
    for (size_t i = first_sample; created != 0 && i < out_.samples_.size(); ++i) {
      if (out_.samples_[i].start == 0) out_.samples_[i].start = created;
    }
    for (size_t i = first_histogram; created != 0 && i < out_.histograms_.size(); ++i) {
      if (out_.histograms_[i].start == 0) out_.histograms_[i].start = created;
    }
    EndSeries();
    return true;
  }

  bool ReadMetadataV2(View message, Series* series) {
    return ForEachField(message, &error_, [&](uint32_t tag, const char* p, const char* end) {
      uint64_t number = 0;
      switch (tag) {
        case Tag(1, WireType::kVarint):
          p = ReadVarint(p, end, &number);
          series->type = TypeOf(number);
          return p;
        case Tag(3, WireType::kVarint):
          return ReadUint32(p, end, &series->help_ref);
        case Tag(4, WireType::kVarint):
          return ReadUint32(p, end, &series->unit_ref);
        default:
          return SkipField(p, end, tag, kInPartOfSeries);
      }
    });
  }

  static const char* ReadRefs(uint32_t tag, const char* p, const char* end,
                              std::vector<uint32_t>* refs) {
    const auto add = [refs](uint64_t ref) { refs->push_back(static_cast<uint32_t>(ref)); };
    if (tag == kLabels) return ReadPackedVarints(p, end, add);
    uint64_t ref = 0;
    p = ReadVarint(p, end, &ref);
    if (p != nullptr) add(ref);
    return p;
  }

  LabelsRef KeepRefs(const std::vector<uint32_t>& refs) {
    const auto begin = static_cast<uint32_t>(out_.refs_.size());
    out_.refs_.insert(out_.refs_.end(), refs.begin(), refs.end());
    return {.bytes = {}, .begin = begin, .end = static_cast<uint32_t>(out_.refs_.size())};
  }

  Hash128Value IdentityOf(const std::vector<uint32_t>& refs, const Series& series) {
    hashed_.clear();
    for (const uint32_t ref : refs) hashed_.push_back(HashOf(ref));
    hashed_.push_back({static_cast<uint64_t>(series.type), 0});
    hashed_.push_back(HashOf(series.help_ref));
    hashed_.push_back(HashOf(series.unit_ref));
    return Hash128(
        {reinterpret_cast<const char*>(hashed_.data()), hashed_.size() * sizeof(Hash128Value)});
  }

  // Of what does not exist it is one that no text has.
  Hash128Value HashOf(uint32_t ref) const {
    return ref < symbol_hashes_.size() ? symbol_hashes_[ref] : Hash128Value{ref, ~uint64_t{0}};
  }

  // ---- Both

  Series& StartSeries(View message, View body) {
    Series& series = out_.series_.emplace_back();
    series.offset = static_cast<size_t>(message.data() - body.data());
    return series;
  }

  void EndSeries() {
    ends_.push_back({out_.samples_.size(), out_.histograms_.size(), out_.exemplars_.size()});
  }

  const char* ReadSample(const char* p, const char* end) {
    if (!Charge(1)) return nullptr;
    WriteRequest::WriteSample& sample = out_.samples_.emplace_back();
    return ReadMessage(p, end, [&](View message) {
      return ForEachField(message, &error_, [&](uint32_t tag, const char* q, const char* q_end) {
        switch (tag) {
          case Tag(1, WireType::kFixed64):
            return ReadDouble(q, q_end, &sample.sample.v);
          case Tag(2, WireType::kVarint):
            return ReadInt64(q, q_end, &sample.sample.t);
          case Tag(3, WireType::kVarint):
            return v2_ ? ReadInt64(q, q_end, &sample.start)
                       : SkipField(q, q_end, tag, kInPartOfSeries);
          default:
            return SkipField(q, q_end, tag, kInPartOfSeries);
        }
      });
    });
  }

  const char* ReadHistogramField(const char* p, const char* end) {
    if (!Charge(1)) return nullptr;
    WireHistogram& out = out_.histograms_.emplace_back();
    p = ReadMessage(p, end, [&](View message) {
      return ReadHistogram(message, kInPartOfSeries, &out, &error_);
    });
    if (!v2_) out.start = 0;  // 1.0 has no such field.
    if (p == nullptr || out.histogram == nullptr) return p;
    const NativeHistogram& histogram = *out.histogram;
    const size_t parts = histogram.positive_buckets.size() + histogram.negative_buckets.size() +
                         histogram.positive_spans.size() + histogram.negative_spans.size() +
                         histogram.custom_values.size();
    return Charge(parts / kBucketsPerItem) ? p : nullptr;
  }

  const char* ReadExemplar(const char* p, const char* end) {
    if (!Charge(1)) return nullptr;
    WriteRequest::WriteExemplar& exemplar = out_.exemplars_.emplace_back();
    LabelRun labels(&out_);
    exemplar_refs_.clear();
    p = ReadMessage(p, end, [&](View message) {
      return ForEachField(message, &error_, [&](uint32_t tag, const char* q, const char* q_end) {
        switch (tag) {
          case kLabels:
            return v2_ ? ReadRefs(tag, q, q_end, &exemplar_refs_) : labels.Add(q, q_end);
          case Tag(1, WireType::kVarint):
            return v2_ ? ReadRefs(tag, q, q_end, &exemplar_refs_)
                       : SkipField(q, q_end, tag, kInPartOfSeries);
          case Tag(2, WireType::kFixed64):
            return ReadDouble(q, q_end, &exemplar.value);
          case Tag(3, WireType::kVarint):
            return ReadInt64(q, q_end, &exemplar.t);
          default:
            return SkipField(q, q_end, tag, kInPartOfSeries);
        }
      });
    });
    if (p == nullptr || !Charge(exemplar_refs_.size() / 2)) return nullptr;
    exemplar.labels = KeepRefs(exemplar_refs_);
    exemplar.labels.bytes = labels.bytes();
    return p;
  }

  bool Charge(size_t items) {
    if (items > items_left_) {
      exhausted_ = true;
      return false;
    }
    items_left_ -= items;
    return true;
  }

  // The vectors have grown for the last time.
  void LinkSeries() {
    Ends begin = {0, 0, 0};
    for (size_t i = 0; i < ends_.size(); ++i) {
      const Ends& end = ends_[i];
      Series& series = out_.series_[i];
      series.samples = std::span(out_.samples_).subspan(begin.samples, end.samples - begin.samples);
      series.histograms =
          std::span(out_.histograms_).subspan(begin.histograms, end.histograms - begin.histograms);
      series.exemplars =
          std::span(out_.exemplars_).subspan(begin.exemplars, end.exemplars - begin.exemplars);
      begin = end;
    }
  }

  WriteRequest& out_;
  const bool v2_;
  size_t items_left_;
  bool exhausted_ = false;
  WireError error_;
  std::vector<Ends> ends_;
  // 2.0.
  std::vector<Hash128Value> symbol_hashes_;
  std::vector<Hash128Value> hashed_;
  std::vector<uint32_t> series_refs_;
  std::vector<uint32_t> exemplar_refs_;
};

Result<WriteRequest> WriteRequest::Decode(std::string_view snappy_block, WriteMessage message,
                                          const WriteLimits& limits) {
  Result<std::string> body = lib::SnappyDecompress(snappy_block, limits.max_bytes);
  if (!body.has_value()) {
    const Status& error = body.error();
    if (error.code() == StatusCode::kCorruption) return InvalidArgumentError(error.message());
    return Failure(error);
  }
  return Parse(*std::move(body), message, limits);
}

Result<WriteRequest> WriteRequest::Parse(std::string body, WriteMessage message,
                                         const WriteLimits& limits) {
  WriteRequest request;
  const std::string& kept = request.bytes_.emplace_back(std::move(body));
  TOCSIN_RETURN_IF_ERROR(WriteRequestReader(&request, message, limits).Read(kept));
  return request;
}

Status WriteRequest::Labels(const LabelsRef& ref, std::vector<LabelView>* labels) const {
  labels->clear();
  WireError error;
  const bool ok = ForEachField(
      ref.bytes, &error, [&](uint32_t /*tag*/, const char* p, const char* end) -> const char* {
        if (labels->size() == kLabelsMax) {
          error.Set(p, "a series has too many labels");
          return nullptr;
        }
        return ReadMessage(p, end, [&](View message) {
          return ReadLabel(message, &labels->emplace_back(), &error);
        });
      });
  if (!ok) {
    // Of labels that lay apart and were copied the offset is not known any more.
    const std::string& body = bytes_.front();
    const bool inside = error.at >= body.data() && error.at <= body.data() + body.size();
    if (!inside) error.at = body.data() + body.size();
    return Malformed(error, body);
  }
  if ((ref.end - ref.begin) % 2 != 0) {
    return NotFoundError("the label references are odd in number: a name has no value");
  }
  for (uint32_t i = ref.begin; i < ref.end; i += 2) {
    TOCSIN_ASSIGN_OR_RETURN(const View name, Symbol(refs_[i]));
    TOCSIN_ASSIGN_OR_RETURN(const View value, Symbol(refs_[i + 1]));
    labels->push_back({name, value});
  }
  return {};
}

Result<std::string_view> WriteRequest::Symbol(uint32_t ref) const {
  if (ref < symbols_.size()) return symbols_[ref];
  return NotFoundError("reference " + std::to_string(ref) + " is outside of the symbol table, " +
                       "which has " + std::to_string(symbols_.size()) + " entries");
}

}  // namespace tocsin::wire
