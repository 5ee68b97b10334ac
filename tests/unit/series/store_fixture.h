/// A series store in a directory of its own, for the tests of its parts.

#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "storage/series/series_store.h"
#include "tests/unit/series/testing.h"

namespace tocsin::storage {

using promql::Matcher;
using promql::SeriesData;

inline constexpr Millis kStart = 1'800'000'000'000 / kBlockMillis * kBlockMillis;

inline Matcher Make(Matcher::Op op, std::string_view name, std::string_view value) {
  auto made = Matcher::Make(op, name, value);
  EXPECT_TRUE(made.has_value());
  return *std::move(made);
}
inline std::vector<Matcher> Named(const std::string& name) {
  return {Make(Matcher::Op::kEqual, "__name__", name)};
}
inline std::vector<Matcher> Everything() { return {Make(Matcher::Op::kRegex, "__name__", ".*")}; }

/// A store in a directory of its own, with a clock that follows the samples.
class SeriesStoreTest : public testing::Test {
 protected:
  SeriesStoreTest() { Open(); }

  void Open() {
    store_.reset();
    options_.directory = directory_.path();
    options_.clock = &clock_;
    auto store = SeriesStore::Open(options_);
    ASSERT_TRUE(store.has_value()) << store.error().ToString();
    store_ = *std::move(store);
  }

  Status Append(const Labels& labels, Millis t, double v) {
    clock_.Set(std::max(clock_.Now(), t * kMillisecond));
    const RefSample sample{store_->Ref(labels), {t, v}};
    return store_->Put({.samples = {&sample, 1}});
  }
  Status AppendExemplar(const Labels& labels, const Exemplar& exemplar) {
    const RefExemplar one{store_->Ref(labels), exemplar};
    return store_->Put({.exemplars = {&one, 1}});
  }

  std::vector<std::pair<Labels, std::vector<Sample>>> Select(
      const std::vector<Matcher>& matchers = Everything(), Millis from = INT64_MIN,
      Millis to = INT64_MAX) {
    auto selected = store_->Select(matchers, from, to);
    EXPECT_TRUE(selected.has_value()) << selected.error().ToString();
    std::vector<std::pair<Labels, std::vector<Sample>>> out;
    for (SeriesData& series : *selected) {
      out.emplace_back(std::move(series.labels), std::move(series.samples));
    }
    return out;
  }
  std::vector<Sample> SamplesOf(const std::string& name) {
    const auto selected = Select(Named(name));
    return selected.empty() ? std::vector<Sample>() : selected[0].second;
  }

  TemporaryDirectory directory_;
  VirtualClock clock_{kStart * kMillisecond};
  SeriesStoreOptions options_;
  std::unique_ptr<SeriesStore> store_;
};

}  // namespace tocsin::storage
