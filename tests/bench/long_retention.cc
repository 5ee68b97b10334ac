// long_retention: makes the volumes of a site that has received spans evenly for many days, as
// segments that are as large as they get. The same 65,536 spans again and again, at other times
// and with other ids: what is measured on them is how much of a segment a query must read.
//
//     long_retention --path DIR [--spans 100000000] [--days 30]
//
// DIR is the `spans` directory of a data directory. A span in the middle has an http.url that no
// other has. The last line of stdout is a JSON object.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/log.h"
#include "cpp/base/telemetry.h"
#include "cpp/wire/otlp_decode.h"
#include "storage/spans/row_order.h"
#include "storage/spans/volume_set.h"
#include "storage/volume/files.h"
#include "tests/bench/span_generator.h"

namespace tocsin::bench {
namespace {

constexpr Nanos kDay = 24 * kHour;
constexpr std::string_view kRareUrl = "https://shop.example/the/only/one";

struct Options {
  std::string path;
  uint64_t spans = 100'000'000;
  uint64_t days = 30;
};

bool Parse(int argc, char** argv, Options* options) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    const std::string value = argv[i + 1];
    if (name == "--path") {
      options->path = value;
    } else if (name == "--spans") {
      options->spans = std::strtoull(value.c_str(), nullptr, 10);
    } else if (name == "--days") {
      options->days = std::strtoull(value.c_str(), nullptr, 10);
    } else {
      return false;
    }
  }
  return argc % 2 == 1 && !options->path.empty() && options->days > 0 &&
         options->spans >= storage::kMaxSegmentRows;
}

class Maker {
 public:
  explicit Maker(const Options& options)
      : segments_(options.spans / storage::kMaxSegmentRows),
        length_(static_cast<Nanos>(options.days) * kDay / static_cast<Nanos>(segments_)),
        begin_(Clock::Real().Now() - static_cast<Nanos>(options.days) * kDay),
        path_(options.path) {}

  Status Make() {
    TOCSIN_RETURN_IF_ERROR(Generate());
    TOCSIN_RETURN_IF_ERROR(storage::MakeDirectory(path_));
    storage::VolumeSet::Options options;
    options.path = path_ + "/volumes";
    options.retention = 0;
    TOCSIN_ASSIGN_OR_RETURN(const auto volumes,
                            storage::VolumeSet::Open(options, begin_, Telemetry::None()));
    for (uint64_t i = 0; i < segments_; ++i) TOCSIN_RETURN_IF_ERROR(Add(i, volumes.get()));
    const size_t count = volumes->size();
    std::printf(
        "{\"segments\":%llu,\"volumes\":%zu,\"spans\":%llu,\"begin\":%lld,\"end\":%lld,\"rare_"
        "url\":\"%s\"}\n",
        static_cast<unsigned long long>(segments_), count,
        static_cast<unsigned long long>(segments_ * storage::kMaxSegmentRows),
        static_cast<long long>(begin_ / kSecond),
        static_cast<long long>((begin_ + length_ * static_cast<Nanos>(segments_)) / kSecond),
        std::string(kRareUrl).c_str());
    return {};
  }

 private:
  // Traces over as much time as a segment is to cover.
  Status Generate() {
    GeneratorOptions generated;
    generated.spans_per_request = storage::kMaxSegmentRows;
    generated.base_time = static_cast<uint64_t>(begin_);
    TOCSIN_ASSIGN_OR_RETURN(auto decoded, wire::DecodeOtlp(SpanGenerator(generated).Request(0)));
    pattern_ = std::move(decoded.batch);
    std::vector<uint64_t> first(pattern_.traces.size(), UINT64_MAX);
    for (size_t row = 0; row < pattern_.rows(); ++row) {
      uint64_t& start = first[pattern_.trace[row]];
      start = std::min(start, pattern_.start[row]);
    }
    const uint64_t base = *std::ranges::min_element(first);
    const double stretch = 0.99 * static_cast<double>(length_) /
                           static_cast<double>(*std::ranges::max_element(first) - base + 1);
    for (size_t row = 0; row < pattern_.rows(); ++row) {
      const uint64_t offset = first[pattern_.trace[row]] - base;
      const auto later = static_cast<uint64_t>(static_cast<double>(offset) * (stretch - 1));
      pattern_.start[row] += later;
      pattern_.end[row] += later;
    }
    return {};
  }

  SpanBatch Shifted(uint64_t number) const {
    SpanBatch batch = pattern_;
    const uint64_t mix = (number + 1) * 0x9e3779b97f4a7c15U;
    const uint64_t later = number * static_cast<uint64_t>(length_);
    for (TraceId& id : batch.traces) id = {.high = id.high ^ mix, .low = id.low + mix};
    for (size_t row = 0; row < batch.rows(); ++row) {
      batch.span_id[row] ^= mix;
      if (batch.parent_span_id[row] != 0) batch.parent_span_id[row] ^= mix;
      batch.start[row] += later;
      batch.end[row] += later;
    }
    if (number == segments_ / 2) {
      for (uint32_t i = batch.attr_begin[0]; i < batch.attr_begin[1]; ++i) {
        if (batch.strings[batch.keys[batch.attrs[i].key].name] != "http.url") continue;
        batch.attrs[i].value = batch.strings.Append(kRareUrl);
      }
    }
    return batch;
  }

  Status Add(uint64_t number, storage::VolumeSet* volumes) {
    const SpanBatch batch = Shifted(number);
    std::vector<storage::RowRef> rows;
    for (uint32_t row = 0; row < batch.rows(); ++row) rows.push_back({&batch, row});
    std::ranges::sort(rows, {},
                      [&](const storage::RowRef& ref) { return storage::OrderOf(batch, ref.row); });
    const std::vector<uint64_t> through(batch.traces.size(), 1);
    storage::SegmentInput input;
    input.tenant = "single-tenant";
    input.rows = rows;
    input.through = through;
    std::vector<storage::SealedSegment> sealed;
    sealed.push_back(storage::BuildSegment(input));
    sealed.front().stub.number = volumes->NextSegmentNumber();
    const Nanos now = begin_ + static_cast<Nanos>(number + 1) * length_;
    const auto written = volumes->Write(input.tenant, sealed, now);
    if (!written.has_value()) return written.error();
    while (const auto closed = volumes->TakeUncompacted()) storage::VolumeSet::Compact(*closed);
    return {};
  }

  const uint64_t segments_;
  const Nanos length_;  // Of a segment.
  const Nanos begin_;
  const std::string path_;
  SpanBatch pattern_;
};

int Main(int argc, char** argv) {
  Options options;
  if (!Parse(argc, argv, &options)) {
    std::cerr << "long_retention: give --path DIR, and values to all flags\n";
    return 2;
  }
  log::SetLevel(log::Level::kWarn);
  const Status made = Maker(options).Make();
  if (!made.ok()) std::cerr << "long_retention: " << made.ToString() << '\n';
  return made.ok() ? 0 : 1;
}

}  // namespace
}  // namespace tocsin::bench

int main(int argc, char** argv) { return tocsin::bench::Main(argc, argv); }
