// Random queries on random traces: the engine on every layout against the oracle.
//
// TOCSIN_ORACLE_SEED (1) is the first seed, TOCSIN_ORACLE_SEEDS the number of them. Each failure
// prints the smallest spans and query that still show it.

#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/traceql_oracle/engine.h"
#include "tests/unit/traceql_oracle/evaluator.h"
#include "tests/unit/traceql_oracle/generator.h"
#include "tests/unit/traceql_oracle/shrink.h"

namespace tocsin::oracle {
namespace {

constexpr uint64_t kSeeds = 12;
constexpr int kQueriesPerSeed = 60;
constexpr int kMostFailures = 5;

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

bool IsRefused(const std::string& answer) { return answer.starts_with("refused"); }

std::string Explain(const Layout& layout, const Case& found) {
  const bool refused =
      IsRefused(SearchEngine(*layout.make(found.spans), Print(found.pipeline), found.limits));
  const Case small = Shrink(found, [&](const Case& each) {
    const std::string answer =
        SearchEngine(*layout.make(each.spans), Print(each.pipeline), each.limits);
    return IsRefused(answer) == refused && answer != Search(each.spans, each.pipeline, each.limits);
  });
  return "layout: " + layout.name + "\nquery: " + Print(small.pipeline) + "\nlimit " +
         std::to_string(small.limits.traces) + ", spans a spanset " +
         std::to_string(small.limits.spans_per_spanset) + ", range " +
         std::to_string(small.limits.start) + " to " + std::to_string(small.limits.end) +
         "\nspans:\n" + Describe(small.spans) + "expected:\n" +
         Search(small.spans, small.pipeline, small.limits) + "engine:\n" +
         SearchEngine(*layout.make(small.spans), Print(small.pipeline), small.limits);
}

TEST(RandomTest, EveryLayoutAnswersAsTheOracle) {
  const uint64_t first = FromEnvironment("TOCSIN_ORACLE_SEED", 1);
  const uint64_t seeds = FromEnvironment("TOCSIN_ORACLE_SEEDS", kSeeds);
  std::cout << "seeds " << first << " to " << first + seeds - 1 << "\n";
  int failures = 0;
  int with_results = 0;
  for (uint64_t seed = first; seed < first + seeds && failures < kMostFailures; ++seed) {
    Generator generator(seed);
    Case each;
    each.spans = generator.Spans();
    std::vector<std::shared_ptr<const traceql::SpanView>> views;
    for (const Layout& layout : Layouts()) views.push_back(layout.make(each.spans));
    for (int i = 0; i < kQueriesPerSeed && failures < kMostFailures; ++i) {
      each.pipeline = generator.Query();
      each.limits = generator.Limits();
      const std::string query = Print(each.pipeline);
      const std::string expected = Search(each.spans, each.pipeline, each.limits);
      with_results += expected.empty() ? 0 : 1;
      for (size_t layout = 0; layout < views.size(); ++layout) {
        const std::string answer = SearchEngine(*views[layout], query, each.limits);
        if (answer == expected) continue;
        ++failures;
        ADD_FAILURE() << "seed " << seed << "\n" << Explain(Layouts()[layout], each);
        break;
      }
    }
  }
  EXPECT_GT(with_results, static_cast<int>(seeds) * kQueriesPerSeed / 3);
}

}  // namespace
}  // namespace tocsin::oracle
