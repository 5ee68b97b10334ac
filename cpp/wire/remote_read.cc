#include "cpp/wire/remote_read.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "cpp/base/coding.h"
#include "cpp/base/crc32c.h"
#include "cpp/lib/compression.h"
#include "cpp/wire/prometheus_chunk.h"
#include "cpp/wire/proto_fields.h"
#include "cpp/wire/proto_writer.h"
#include "cpp/wire/remote_write_histogram.h"

namespace tocsin::wire {
namespace {

using View = std::string_view;

constexpr size_t kFrameBytes = 1 << 20;

class ReadRequestReader {
 public:
  explicit ReadRequestReader(View body) : body_(body) {}

  Result<ReadRequest> Read() {
    const bool ok =
        ForEachField(body_, &error_, [this](uint32_t tag, const char* p, const char* end) {
          switch (tag) {
            case Tag(1, WireType::kBytes):
              return ReadMessage(p, end, [this](View query) { return ReadQueryMessage(query); });
            case Tag(2, WireType::kVarint): {
              uint64_t type = 0;
              p = ReadVarint(p, end, &type);
              Accept(type);
              return p;
            }
            case Tag(2, WireType::kBytes):
              return ReadPackedVarints(p, end, [this](uint64_t type) { Accept(type); });
            default:
              return SkipField(p, end, tag, kDepthMax);
          }
        });
    if (!ok) {
      return InvalidArgumentError(std::string("malformed remote read request: ") + error_.what +
                                  ", at byte " + std::to_string(error_.at - body_.data()));
    }
    if (types_ > 0 && !chosen_) {
      return InvalidArgumentError(
          "none of the accepted response types is known; known are SAMPLES and "
          "STREAMED_XOR_CHUNKS");
    }
    request_.response = chosen_.value_or(ReadResponseType::kSamples);
    return std::move(request_);
  }

 private:
  // In the order in which the client likes them.
  void Accept(uint64_t type) {
    ++types_;
    if (chosen_) return;
    if (type == 0) chosen_ = ReadResponseType::kSamples;
    if (type == 1) chosen_ = ReadResponseType::kStreamedChunks;
  }

  bool ReadQueryMessage(View message) {
    ReadQuery& query = request_.queries.emplace_back();
    return ForEachField(message, &error_, [&](uint32_t tag, const char* p, const char* end) {
      switch (tag) {
        case Tag(1, WireType::kVarint):
          return ReadInt64(p, end, &query.from);
        case Tag(2, WireType::kVarint):
          return ReadInt64(p, end, &query.to);
        case Tag(3, WireType::kBytes):
          return ReadMessage(p, end,
                             [&](View matcher) { return ReadMatcherMessage(matcher, &query); });
        default:
          return SkipField(p, end, tag, kDepthMax - 1);
      }
    });
  }

  bool ReadMatcherMessage(View message, ReadQuery* query) {
    ReadMatcher& matcher = query->matchers.emplace_back();
    uint64_t type = 0;
    const bool ok =
        ForEachField(message, &error_, [&](uint32_t tag, const char* p, const char* end) {
          View text;
          switch (tag) {
            case Tag(1, WireType::kVarint):
              return ReadVarint(p, end, &type);
            case Tag(2, WireType::kBytes):
              p = ReadBytes(p, end, &text);
              matcher.name = text;
              return p;
            case Tag(3, WireType::kBytes):
              p = ReadBytes(p, end, &text);
              matcher.value = text;
              return p;
            default:
              return SkipField(p, end, tag, kDepthMax - 2);
          }
        });
    if (!ok) return false;
    if (type > 3) return error_.Set(message.data(), "a matcher has an unknown type");
    matcher.match = static_cast<ReadMatch>(type);
    return true;
  }

  const View body_;
  ReadRequest request_;
  WireError error_;
  size_t types_ = 0;
  std::optional<ReadResponseType> chosen_;
};

void WriteLabels(std::span<const LabelView> labels, ProtoWriter* writer) {
  for (const LabelView& label : labels) {
    writer->Message(1, [&] {
      writer->BytesSet(1, label.name);
      writer->BytesSet(2, label.value);
    });
  }
}

void WriteChunk(Millis from, Millis to, uint64_t encoding, std::string_view data,
                ProtoWriter* writer) {
  writer->Message(2, [&] {
    writer->VarintSet(1, static_cast<uint64_t>(from));
    writer->VarintSet(2, static_cast<uint64_t>(to));
    writer->VarintSet(3, encoding);
    writer->BytesSet(4, data);
  });
}

// Floats and histograms, by time.
class Chunks {
 public:
  explicit Chunks(const ReadSeries& series) : series_(series) {}

  bool done() const {
    return sample_ == series_.samples.size() && histogram_ == series_.histograms.size();
  }
  void WriteNext(ProtoWriter* writer) {
    const auto histograms = series_.histograms.subspan(histogram_);
    auto samples = series_.samples.subspan(sample_);
    if (!histograms.empty()) {
      // The floats before the next histogram.
      const auto end = std::ranges::upper_bound(samples, histograms.front().t, {}, &Sample::t);
      samples = samples.first(static_cast<size_t>(end - samples.begin()));
    }
    if (samples.empty()) {
      const HistogramSample& one = histograms.front();
      WriteChunk(one.t, one.t, kFloatHistogramChunk, FloatHistogramChunk(one), writer);
      ++histogram_;
      return;
    }
    samples = samples.first(std::min(samples.size(), kSamplesPerChunk));
    WriteChunk(samples.front().t, samples.back().t, kXorChunk, XorChunk(samples), writer);
    sample_ += samples.size();
  }

 private:
  const ReadSeries& series_;
  size_t sample_ = 0;
  size_t histogram_ = 0;
};

void AppendFrame(std::string_view message, std::string* out) {
  PutVarint64(out, message.size());
  const uint32_t crc = Crc32c(message);
  for (int shift = 24; shift >= 0; shift -= 8) out->push_back(static_cast<char>(crc >> shift));
  out->append(message);
}

}  // namespace

Result<ReadRequest> DecodeReadRequest(std::string_view snappy_block, size_t max_bytes) {
  const Result<std::string> body = lib::SnappyDecompress(snappy_block, max_bytes);
  if (!body.has_value()) {
    const Status& error = body.error();
    if (error.code() == StatusCode::kCorruption) return InvalidArgumentError(error.message());
    return Failure(error);
  }
  return ReadRequestReader(*body).Read();
}

void ReadResponseWriter::Add(const ReadSeries& series) {
  ProtoWriter writer(&result_);
  writer.Message(1, [&] {
    WriteLabels(series.labels, &writer);
    for (const Sample& sample : series.samples) {
      writer.Message(2, [&] {
        writer.DoubleSet(1, sample.v);
        writer.VarintSet(2, static_cast<uint64_t>(sample.t));
      });
    }
    for (const HistogramSample& sample : series.histograms) {
      writer.Message(4, [&] { WriteHistogram(sample, /*start=*/0, &writer); });
    }
  });
}

void ReadResponseWriter::EndResult() { ProtoWriter(&response_).Bytes(1, result_); }

std::string ReadResponseWriter::Finish() const { return lib::SnappyCompress(response_); }

void ChunkedReadWriter::Add(const ReadSeries& series, size_t query, std::string* out) const {
  Chunks chunks(series);
  while (!chunks.done()) {
    std::string message;
    ProtoWriter writer(&message);
    writer.Message(1, [&] {
      WriteLabels(series.labels, &writer);
      while (!chunks.done() && message.size() < kFrameBytes) chunks.WriteNext(&writer);
    });
    writer.VarintSet(2, query);
    AppendFrame(message, out);
  }
}

}  // namespace tocsin::wire
