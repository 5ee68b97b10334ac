#include "cpp/wire/otlp_metrics_read.h"

#include <span>

#include "cpp/base/coding.h"
#include "cpp/wire/any_value.h"
#include "cpp/wire/attribute_text.h"
#include "cpp/wire/utf8.h"

namespace tocsin::wire {
namespace {

using View = std::string_view;

constexpr WireType kVarint = WireType::kVarint;
constexpr WireType kFixed64 = WireType::kFixed64;
constexpr WireType kBytes = WireType::kBytes;

// Levels of nesting left inside of each message.
constexpr int kInResourceMetrics = kDepthMax - 1;
constexpr int kInScopeMetrics = kInResourceMetrics - 1;
constexpr int kInMetric = kInScopeMetrics - 1;
constexpr int kInData = kInMetric - 1;
constexpr int kInPoint = kInData - 1;
constexpr int kInPartOfPoint = kInPoint - 1;

// Metric.data's members.
constexpr uint32_t kGauge = 5;
constexpr uint32_t kSum = 7;
constexpr uint32_t kHistogram = 9;
constexpr uint32_t kExponentialHistogram = 10;
constexpr uint32_t kSummary = 11;

class MetricsReader {
 public:
  MetricsReader(size_t max_items, const OtlpMetricsVisitor& visitor, WireError* error)
      : items_left_(max_items), visitor_(visitor), error_(*error) {}

  // Out of items: false without an error.
  bool Read(View body) {
    const bool ok = ReadRequest(body);
    if (ended_) error_ = {};
    return ok;
  }

 private:
  bool ReadRequest(View body) {
    return Fields(body, [this](uint32_t tag, const char* p, const char* end) {
      if (tag != Tag(1, kBytes)) return SkipField(p, end, tag, kDepthMax);
      return ReadMessage(p, end, [this](View message) { return ReadResourceMetrics(message); });
    });
  }

  template <class Field>
  bool Fields(View message, const Field& field) {
    return ForEachField(message, &error_, field);
  }

  // The resource may come behind its metrics, and in pieces.
  bool ReadResourceMetrics(View message) {
    OtlpAttributes resource;
    std::vector<View> scopes;
    const bool ok = Fields(message, [&](uint32_t tag, const char* p, const char* end) {
      switch (tag) {
        case Tag(1, kBytes):
          return ReadMessage(p, end, [&](View m) { return ReadResource(m, &resource); });
        case Tag(2, kBytes):
          return ReadBytes(p, end, &scopes.emplace_back());
        default:
          return SkipField(p, end, tag, kInResourceMetrics);
      }
    });
    if (!ok) return false;
    visitor_.begin_resource(resource);
    for (const View scope : scopes) {
      if (!ReadScopeMetrics(scope)) return false;
    }
    visitor_.end_resource();
    return true;
  }

  bool ReadResource(View message, OtlpAttributes* attributes) {
    return Fields(message, [&](uint32_t tag, const char* p, const char* end) {
      if (tag != Tag(1, kBytes)) return SkipField(p, end, tag, kInResourceMetrics - 1);
      return ReadAttribute(p, end, kInResourceMetrics - 2, attributes);
    });
  }

  bool ReadScopeMetrics(View message) {
    return Fields(message, [this](uint32_t tag, const char* p, const char* end) {
      if (tag != Tag(2, kBytes)) return SkipField(p, end, tag, kInScopeMetrics);
      return ReadMessage(p, end, [this](View metric) { return ReadMetric(metric); });
    });
  }

  bool ReadMetric(View message) {
    OtlpMetric metric;
    uint32_t member = 0;
    std::vector<View> data;  // Of the member that came last; pieces of one merge.
    const bool ok = Fields(message, [&](uint32_t tag, const char* p, const char* end) {
      switch (tag) {
        case Tag(1, kBytes):
          return ReadText(p, end, &metric.name);
        case Tag(2, kBytes):
          return ReadText(p, end, &metric.description);
        case Tag(3, kBytes):
          return ReadText(p, end, &metric.unit);
        case Tag(kGauge, kBytes):
        case Tag(kSum, kBytes):
        case Tag(kHistogram, kBytes):
        case Tag(kExponentialHistogram, kBytes):
        case Tag(kSummary, kBytes):
          if (member != tag >> 3) data.clear();
          member = tag >> 3;
          return ReadBytes(p, end, &data.emplace_back());
        default:
          return SkipField(p, end, tag, kInMetric);
      }
    });
    if (!ok) return false;
    bool monotonic = false;
    for (const View piece : data) {
      if (!ReadData(member, piece, &monotonic, &metric)) return false;
    }
    metric.kind = KindOf(member, monotonic);
    if (!visitor_.metric(metric)) ended_ = true;
    return !ended_;
  }

  bool Charge() {
    if (items_left_ == 0) ended_ = true;
    return items_left_-- > 0;
  }

  static OtlpMetricKind KindOf(uint32_t member, bool monotonic) {
    switch (member) {
      case kGauge:
        return OtlpMetricKind::kGauge;
      case kSum:
        return monotonic ? OtlpMetricKind::kMonotonicSum : OtlpMetricKind::kSum;
      case kHistogram:
        return OtlpMetricKind::kHistogram;
      case kExponentialHistogram:
        return OtlpMetricKind::kExponentialHistogram;
      case kSummary:
        return OtlpMetricKind::kSummary;
      default:
        return OtlpMetricKind::kNone;
    }
  }

  bool ReadData(uint32_t member, View message, bool* monotonic, OtlpMetric* metric) {
    return Fields(message, [&](uint32_t tag, const char* p, const char* end) {
      uint64_t number = 0;
      switch (tag) {
        case Tag(1, kBytes):
          return ReadMessage(p, end, [&](View point) {
            return Charge() && ReadPoint(member, point, &metric->points.emplace_back());
          });
        case Tag(2, kVarint):
          p = ReadVarint(p, end, &number);
          metric->temporality =
              number <= 2 ? static_cast<OtlpTemporality>(number) : OtlpTemporality::kUnspecified;
          return p;
        case Tag(3, kVarint):
          p = ReadVarint(p, end, &number);
          *monotonic = number != 0;
          return p;
        default:
          return SkipField(p, end, tag, kInData);
      }
    });
  }

  bool ReadPoint(uint32_t member, View message, OtlpDataPoint* point) {
    return Fields(message, [&](uint32_t tag, const char* p, const char* end) -> const char* {
      if (tag == Tag(2, kFixed64)) return ReadFixed64(p, end, &point->start);
      if (tag == Tag(3, kFixed64)) return ReadFixed64(p, end, &point->time);
      switch (member) {
        case kHistogram:
          return HistogramField(tag, p, end, point);
        case kExponentialHistogram:
          return ExponentialField(tag, p, end, point);
        case kSummary:
          return SummaryField(tag, p, end, point);
        default:
          return NumberField(tag, p, end, point);
      }
    });
  }

  const char* NumberField(uint32_t tag, const char* p, const char* end, OtlpDataPoint* point) {
    uint64_t bits = 0;
    switch (tag) {
      case Tag(4, kFixed64):
        return ReadDouble(p, end, &point->value);
      case Tag(6, kFixed64):
        p = ReadFixed64(p, end, &bits);
        point->value = static_cast<double>(static_cast<int64_t>(bits));
        return p;
      case Tag(5, kBytes):
        return ReadExemplar(p, end, point);
      case Tag(7, kBytes):
        return ReadAttribute(p, end, kInPartOfPoint, &point->attributes);
      case Tag(8, kVarint):
        return ReadUint32(p, end, &point->flags);
      default:
        return SkipField(p, end, tag, kInPoint);
    }
  }

  const char* HistogramField(uint32_t tag, const char* p, const char* end, OtlpDataPoint* point) {
    switch (tag) {
      case Tag(4, kFixed64):
        return ReadFixed64(p, end, &point->count);
      case Tag(5, kFixed64):
        return ReadDouble(p, end, &point->sum.emplace());
      case Tag(6, kBytes):
        return ReadPackedFixed64(p, end, &point->bucket_counts);
      case Tag(6, kFixed64):
        return ReadFixed64(p, end, &point->bucket_counts.emplace_back());
      case Tag(7, kBytes):
        return ReadPackedFixed64(p, end, &point->explicit_bounds);
      case Tag(7, kFixed64):
        return ReadDouble(p, end, &point->explicit_bounds.emplace_back());
      case Tag(8, kBytes):
        return ReadExemplar(p, end, point);
      case Tag(9, kBytes):
        return ReadAttribute(p, end, kInPartOfPoint, &point->attributes);
      case Tag(10, kVarint):
        return ReadUint32(p, end, &point->flags);
      default:
        return SkipField(p, end, tag, kInPoint);
    }
  }

  const char* ExponentialField(uint32_t tag, const char* p, const char* end, OtlpDataPoint* point) {
    switch (tag) {
      case Tag(1, kBytes):
        return ReadAttribute(p, end, kInPartOfPoint, &point->attributes);
      case Tag(4, kFixed64):
        return ReadFixed64(p, end, &point->count);
      case Tag(5, kFixed64):
        return ReadDouble(p, end, &point->sum.emplace());
      case Tag(6, kVarint):
        return ReadSint32(p, end, &point->scale);
      case Tag(7, kFixed64):
        return ReadFixed64(p, end, &point->zero_count);
      case Tag(8, kBytes):
        return ReadBuckets(p, end, &point->positive);
      case Tag(9, kBytes):
        return ReadBuckets(p, end, &point->negative);
      case Tag(10, kVarint):
        return ReadUint32(p, end, &point->flags);
      case Tag(11, kBytes):
        return ReadExemplar(p, end, point);
      case Tag(14, kFixed64):
        return ReadDouble(p, end, &point->zero_threshold);
      default:
        return SkipField(p, end, tag, kInPoint);
    }
  }

  const char* SummaryField(uint32_t tag, const char* p, const char* end, OtlpDataPoint* point) {
    switch (tag) {
      case Tag(4, kFixed64):
        return ReadFixed64(p, end, &point->count);
      case Tag(5, kFixed64):
        return ReadDouble(p, end, &point->sum.emplace());
      case Tag(6, kBytes):
        return ReadQuantile(p, end, point);
      case Tag(7, kBytes):
        return ReadAttribute(p, end, kInPartOfPoint, &point->attributes);
      case Tag(8, kVarint):
        return ReadUint32(p, end, &point->flags);
      default:
        return SkipField(p, end, tag, kInPoint);
    }
  }

  const char* ReadQuantile(const char* p, const char* end, OtlpDataPoint* point) {
    if (!Charge()) return nullptr;
    auto& [quantile, value] = point->quantiles.emplace_back(0, 0);
    return ReadMessage(p, end, [&, &quantile = quantile, &value = value](View message) {
      return Fields(message, [&](uint32_t tag, const char* q, const char* q_end) {
        if (tag == Tag(1, kFixed64)) return ReadDouble(q, q_end, &quantile);
        if (tag == Tag(2, kFixed64)) return ReadDouble(q, q_end, &value);
        return SkipField(q, q_end, tag, kInPartOfPoint);
      });
    });
  }

  const char* ReadBuckets(const char* p, const char* end, OtlpBuckets* buckets) {
    return ReadMessage(p, end, [&](View message) {
      return Fields(message, [&](uint32_t tag, const char* q, const char* q_end) {
        switch (tag) {
          case Tag(1, kVarint):
            return ReadSint32(q, q_end, &buckets->offset);
          case Tag(2, kBytes):
            return ReadPackedVarints(q, q_end,
                                     [&](uint64_t count) { buckets->counts.push_back(count); });
          case Tag(2, kVarint):
            return ReadVarint(q, q_end, &buckets->counts.emplace_back());
          default:
            return SkipField(q, q_end, tag, kInPartOfPoint);
        }
      });
    });
  }

  const char* ReadExemplar(const char* p, const char* end, OtlpDataPoint* point) {
    if (!Charge()) return nullptr;
    OtlpExemplar& exemplar = point->exemplars.emplace_back();
    return ReadMessage(p, end, [&](View message) {
      return Fields(message, [&](uint32_t tag, const char* q, const char* q_end) {
        uint64_t bits = 0;
        switch (tag) {
          case Tag(2, kFixed64):
            return ReadFixed64(q, q_end, &exemplar.time);
          case Tag(3, kFixed64):
            return ReadDouble(q, q_end, &exemplar.value);
          case Tag(4, kBytes):
            return ReadBytes(q, q_end, &exemplar.span_id);
          case Tag(5, kBytes):
            return ReadBytes(q, q_end, &exemplar.trace_id);
          case Tag(6, kFixed64):
            q = ReadFixed64(q, q_end, &bits);
            exemplar.value = static_cast<double>(static_cast<int64_t>(bits));
            return q;
          case Tag(7, kBytes):
            return ReadAttribute(q, q_end, kInPartOfPoint - 1, &exemplar.attributes);
          default:
            return SkipField(q, q_end, tag, kInPartOfPoint);
        }
      });
    });
  }

  const char* ReadAttribute(const char* p, const char* end, int depth, OtlpAttributes* attributes) {
    return ReadMessage(p, end, [&](View message) {
      WireKeyValue read;
      if (!Charge()) return false;
      if (!ReadKeyValue(message, depth, &read, &error_)) return false;
      std::string composite;
      AnyValue value;
      const AnyValueReader reader{.depth = depth - 1, .composite = &composite, .error = &error_};
      if (!reader.Read(read.value, &value)) return false;
      attributes->emplace_back(read.key, AttributeText(value));
      return true;
    });
  }

  const char* ReadText(const char* p, const char* end, View* text) {
    return ReadMessage(p, end, [&](View bytes) {
      *text = bytes;
      return IsUtf8(bytes) || error_.Set(bytes.data(), kNotUtf8);
    });
  }

  static const char* ReadSint32(const char* p, const char* end, int32_t* value) {
    uint32_t bits = 0;
    p = ReadUint32(p, end, &bits);
    *value = static_cast<int32_t>(UnZigZag(bits));
    return p;
  }

  size_t items_left_;
  bool ended_ = false;
  const OtlpMetricsVisitor& visitor_;
  WireError& error_;
};

}  // namespace

bool ReadOtlpMetrics(std::string_view body, size_t max_items, const OtlpMetricsVisitor& visitor,
                     WireError* error) {
  return MetricsReader(max_items, visitor, error).Read(body);
}

}  // namespace tocsin::wire
