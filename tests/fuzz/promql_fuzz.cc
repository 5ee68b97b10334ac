// Any text at all: parsing returns; what parses prints, and parses again to the same tree; and
// evaluating it returns, as an instant and as a range query, whatever the series are.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "cpp/base/check.h"
#include "cpp/promql/engine.h"

namespace tocsin::promql {
namespace {

// A few series for every selector, gaps, NaN, infinities and stale markers among their samples.
class AnySource : public SeriesSource {
 public:
  Result<std::vector<SeriesData>> Select(std::span<const Matcher> matchers, Millis from,
                                         Millis to) const override {
    std::vector<SeriesData> all;
    for (int i = 0; i < 4; ++i) {
      Labels labels{{"__name__", i < 2 ? "a" : "b"}, {"x", i % 2 == 0 ? "1" : "2"}};
      if (i > 0) labels.Set("le", i == 1 ? "0.5" : i == 2 ? "+Inf" : "no");
      for (const Matcher& matcher : matchers) {
        if (matcher.op == Matcher::Op::kEqual) labels.Set(matcher.name, matcher.value);
      }
      SeriesData series{.labels = std::move(labels)};
      for (int t = 0; t < 20; ++t) {
        const Millis time = t * 15'000;
        if (time < from || time > to || (t + i) % 7 == 6) continue;
        series.samples.push_back({time, ValueAt(t * (i + 1))});
      }
      if (!series.samples.empty()) all.push_back(std::move(series));
    }
    return all;
  }

 private:
  static double ValueAt(int n) {
    switch (n % 11) {
      case 7:
        return NAN;
      case 8:
        return HUGE_VAL;
      case 9:
        return StaleNan();
      case 10:
        return -1e300;
      default:
        return n;
    }
  }
};

void Evaluate(std::string_view query) {
  EngineOptions options;
  options.parser = ParserOptions::Everything();
  options.max_samples = 20'000;
  options.timeout = kSecond;
  const AnySource source;
  for (const bool delayed : {false, true}) {
    options.delayed_name_removal = delayed;
    const Engine engine(options);
    static_cast<void>(engine.Query(query, source, 200'000));
    static_cast<void>(engine.QueryRange(query, source, {-30'000, 330'000, 20'000}));
  }
}

}  // namespace
}  // namespace tocsin::promql

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace promql = tocsin::promql;
  const std::string_view query(reinterpret_cast<const char*>(data), size);
  const auto once = promql::Parse(query, promql::ParserOptions::Everything());
  if (!once.has_value()) return 0;
  const std::string printed = promql::ToString(*once);
  const auto twice = promql::Parse(printed, promql::ParserOptions::Everything());
  TOCSIN_CHECK(twice.has_value());
  TOCSIN_CHECK(*once == *twice);
  promql::Evaluate(query);
  return 0;
}
