// many_segments: makes the span store of a site that is years old, through the store itself under a
// virtual clock: a request is sealed at a time, a volume is as many days.
//
//     many_segments --path DIR [--segments 10000] [--volumes 30] [--spans 100] [--traces FILE]
//
// DIR is the `spans` directory of a data directory. --traces FILE gets one trace id of each
// segment. The last line of stdout is a JSON object.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>

#include "cpp/base/clock.h"
#include "cpp/base/hash.h"
#include "cpp/base/log.h"
#include "cpp/base/telemetry.h"
#include "cpp/wire/otlp_decode.h"
#include "storage/spans/span_store.h"
#include "storage/volume/files.h"
#include "tests/bench/span_generator.h"

namespace tocsin::bench {
namespace {

struct Options {
  std::string path;
  std::string traces_file;
  uint64_t segments = 10'000;
  uint64_t volumes = 30;
  uint32_t spans = 100;
};

bool Parse(int argc, char** argv, Options* options) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    const std::string value = argv[i + 1];
    const auto number = [&] { return std::strtoull(value.c_str(), nullptr, 10); };
    if (name == "--path") {
      options->path = value;
    } else if (name == "--traces") {
      options->traces_file = value;
    } else if (name == "--segments") {
      options->segments = number();
    } else if (name == "--volumes") {
      options->volumes = number();
    } else if (name == "--spans") {
      options->spans = static_cast<uint32_t>(number());
    } else {
      return false;
    }
  }
  return argc % 2 == 1 && !options->path.empty() && options->segments >= options->volumes &&
         options->volumes > 0 && options->spans > 0;
}

// The clock stands still while a volume is filled, and then goes on by more than the day after
// which the store begins another.
class Maker {
 public:
  explicit Maker(const Options& options)
      : options_(options),
        clock_(Clock::Real().Now() - static_cast<Nanos>(options.volumes) * kOfVolume) {}

  Status Make() {
    TOCSIN_RETURN_IF_ERROR(storage::MakeDirectory(options_.path));
    storage::SpanStoreOptions store_options;
    store_options.path = options_.path;
    store_options.background = false;
    store_options.block_retention = 0;
    store_options.checkpoint = UINT64_MAX;
    store_options.sync = storage::LogSync::kInterval;
    TOCSIN_ASSIGN_OR_RETURN(const auto store, storage::SpanStore::Open(store_options, clock_,
                                                                       Telemetry::None(), nullptr));
    std::ofstream traces(options_.traces_file);
    for (uint64_t i = 0; i < options_.segments; ++i) {
      TOCSIN_RETURN_IF_ERROR(AddSegment(i, store.get(), &traces));
    }
    const auto stats = store->GetStats();
    std::printf("{\"segments\":%zu,\"volumes\":%zu,\"spans\":%llu}\n", stats.segments,
                stats.volumes, static_cast<unsigned long long>(options_.segments * options_.spans));
    return {};
  }

 private:
  static constexpr Nanos kOfVolume = 25 * kHour;
  static constexpr Nanos kOfSegment = 2 * kHour;

  Status AddSegment(uint64_t number, storage::SpanStore* store, std::ofstream* traces) {
    GeneratorOptions generated;
    generated.seed = number + 1;
    generated.spans_per_request = options_.spans;
    generated.base_time = static_cast<uint64_t>(
        Clock::Real().Now() - static_cast<Nanos>(options_.segments - number) * kOfSegment);
    const SpanGenerator generator(generated);
    const std::string body = generator.Request(0);
    TOCSIN_ASSIGN_OR_RETURN(auto decoded, wire::DecodeOtlp(body));
    const auto appended =
        store->Append({"single-tenant", Hash128(body),
                       std::make_shared<const SpanBatch>(std::move(decoded.batch))},
                      [](const storage::LoggedBatch&) {});
    if (!appended.has_value()) return appended.error();
    TOCSIN_RETURN_IF_ERROR(store->Flush());
    *traces << generator.Traces(0).front().trace_id << '\n';
    const uint64_t of_volume = options_.segments / options_.volumes;
    if ((number + 1) % of_volume == 0) clock_.Advance(kOfVolume);
    return {};
  }

  const Options options_;
  VirtualClock clock_;
};

int Main(int argc, char** argv) {
  Options options;
  if (!Parse(argc, argv, &options)) {
    std::cerr << "many_segments: give --path DIR, and values to all flags\n";
    return 2;
  }
  log::SetLevel(log::Level::kWarn);
  const Status made = Maker(options).Make();
  if (!made.ok()) std::cerr << "many_segments: " << made.ToString() << '\n';
  return made.ok() ? 0 : 1;
}

}  // namespace
}  // namespace tocsin::bench

int main(int argc, char** argv) { return tocsin::bench::Main(argc, argv); }
