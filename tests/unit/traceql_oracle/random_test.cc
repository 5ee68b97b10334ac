// Random queries on random traces: the engine on every layout against the oracle.
//
// TOCSIN_ORACLE_SEED (1) is the first seed, TOCSIN_ORACLE_SEEDS the number of them. Each failure
// prints the smallest spans and query that still show it.

#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/traceql_oracle/engine.h"
#include "tests/unit/traceql_oracle/evaluator.h"
#include "tests/unit/traceql_oracle/generator.h"
#include "tests/unit/traceql_oracle/shrink.h"

namespace tocsin::oracle {
namespace {

constexpr uint64_t kSeeds = 20;
constexpr int kQueriesPerSeed = 60;
constexpr int kMostFailures = 5;

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

bool IsRefused(const std::string& answer) { return answer.starts_with("refused"); }

std::string Expected(const Case& each) {
  return each.metric ? Metrics(each.spans, *each.metric, each.range)
                     : Search(each.spans, each.pipeline, each.limits);
}

std::string Answer(const traceql::SpanView& view, const Case& each) {
  return each.metric ? MetricsEngine(view, Print(*each.metric), each.range)
                     : SearchEngine(view, Print(each.pipeline), each.limits);
}

std::string Describe(const Case& each) {
  std::string out;
  if (each.metric) {
    out = "query: " + Print(*each.metric) + "\n" + std::to_string(each.range.start) + " to " +
          std::to_string(each.range.end) +
          (each.range.instant ? ", instant" : " step " + std::to_string(each.range.step));
  } else {
    out = "query: " + Print(each.pipeline) + "\nlimit " + std::to_string(each.limits.traces) +
          ", spans a spanset " + std::to_string(each.limits.spans_per_spanset) + ", range " +
          std::to_string(each.limits.start) + " to " + std::to_string(each.limits.end);
  }
  return out + "\nspans:\n" + Describe(each.spans);
}

std::string Explain(const Layout& layout, const Case& found) {
  const bool refused = IsRefused(Answer(*layout.make(found.spans), found));
  const Case small = Shrink(found, [&](const Case& each) {
    const std::string answer = Answer(*layout.make(each.spans), each);
    return IsRefused(answer) == refused && answer != Expected(each);
  });
  return "found with: " + (found.metric ? Print(*found.metric) : Print(found.pipeline)) +
         "\nlayout: " + layout.name + "\n" + Describe(small) + "expected:\n" + Expected(small) +
         "engine:\n" + Answer(*layout.make(small.spans), small);
}

class RandomTest : public testing::Test {
 protected:
  // `ask` makes each case from what the generator draws.
  void Judge(const std::function<void(Generator*, Case*)>& ask) {
    const uint64_t first = FromEnvironment("TOCSIN_ORACLE_SEED", 1);
    const uint64_t seeds = FromEnvironment("TOCSIN_ORACLE_SEEDS", kSeeds);
    std::cout << "seeds " << first << " to " << first + seeds - 1 << "\n";
    for (uint64_t seed = first; seed < first + seeds && failures_ < kMostFailures; ++seed) {
      JudgeSeed(seed, ask);
    }
    EXPECT_GT(with_results_, asked_ / 4);
  }

 private:
  void JudgeSeed(uint64_t seed, const std::function<void(Generator*, Case*)>& ask) {
    Generator generator(seed);
    Case each;
    each.spans = generator.Spans();
    std::vector<std::shared_ptr<const traceql::SpanView>> views;
    for (const Layout& layout : Layouts()) views.push_back(layout.make(each.spans));
    for (int i = 0; i < kQueriesPerSeed && failures_ < kMostFailures; ++i) {
      ask(&generator, &each);
      const std::string expected = Expected(each);
      ++asked_;
      with_results_ += expected.empty() ? 0 : 1;
      for (size_t layout = 0; layout < views.size(); ++layout) {
        if (Answer(*views[layout], each) == expected) continue;
        ++failures_;
        ADD_FAILURE() << "seed " << seed << "\n" << Explain(Layouts()[layout], each);
        break;
      }
    }
  }

  int failures_ = 0;
  int asked_ = 0;
  int with_results_ = 0;
};

// What would the layouts be worth if the store put everything in one place?
TEST(LayoutsTest, AreWhatTheirNamesSay) {
  Generator generator(1);
  std::vector<Span> spans;
  while (spans.size() < 12) {
    for (Span& span : generator.Spans()) spans.push_back(std::move(span));
  }
  std::map<std::string, size_t> blocks;
  for (const Layout& layout : Layouts()) {
    blocks[layout.name] = layout.make(spans)->blocks().size();
  }
  EXPECT_EQ(blocks["all live"], 1U);
  EXPECT_EQ(blocks["one segment"], 1U);
  EXPECT_EQ(blocks["a segment per span"], spans.size());
  EXPECT_LE(blocks["traces whole in segments"], 3U);
  EXPECT_EQ(blocks["after a restart"], 2U);
  EXPECT_LT(blocks["merged"], 8U);
  EXPECT_EQ(blocks["across volumes"], 5U);
  EXPECT_EQ(blocks["beside what was deleted"], 2U);
  EXPECT_EQ(blocks["late and sent again"], 3U);
  EXPECT_EQ(blocks["no push-down"], 4U);
}

// Where metrics are answered from counts, and where they must not be.
TEST(LayoutsTest, SomeHaveTheirRowsCounted) {
  Generator generator(1);
  std::vector<Span> spans = generator.Spans();
  std::map<std::string, std::pair<size_t, size_t>> counted;  // Blocks with counts, and blocks.
  for (const Layout& layout : Layouts()) {
    const auto view = layout.make(spans);
    for (const auto& block : view->blocks()) {
      const auto counts = block->Counted(true);
      ASSERT_TRUE(counts.has_value());
      counted[layout.name].first += *counts == nullptr ? 0U : 1U;
      ++counted[layout.name].second;
    }
  }
  EXPECT_EQ(counted["one segment"], std::pair(size_t{1}, size_t{1}));
  EXPECT_EQ(counted["traces whole in segments"].first, counted["traces whole in segments"].second);
  EXPECT_EQ(counted["all live"].first, 0U);
  EXPECT_EQ(counted["beside what was deleted"].first, 0U);
}

TEST_F(RandomTest, EveryLayoutFindsWhatTheOracleFinds) {
  Judge([](Generator* generator, Case* each) {
    each->pipeline = generator->Query();
    each->limits = generator->Limits();
  });
}

TEST_F(RandomTest, EveryLayoutGivesTheSeriesOfTheOracle) {
  Judge([](Generator* generator, Case* each) {
    each->metric = generator->MetricsQuery();
    each->range = generator->Range();
  });
}

TEST(ExemplarsTest, AreTheSameInEveryLayout) {
  size_t with_exemplars = 0;
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    Generator generator(seed);
    const std::vector<Span> spans = generator.Spans();
    std::vector<std::shared_ptr<const traceql::SpanView>> views;
    for (const Layout& layout : Layouts()) views.push_back(layout.make(spans));
    for (int i = 0; i < 20; ++i) {
      const std::string query = Print(generator.MetricsQuery());
      MetricsRange range = generator.Range();
      range.instant = false;
      const std::string first = ExemplarsOf(*views[0], query, range, 10);
      with_exemplars += first.empty() ? 0U : 1U;
      for (size_t layout = 1; layout < views.size(); ++layout) {
        EXPECT_EQ(ExemplarsOf(*views[layout], query, range, 10), first)
            << "seed " << seed << ", layout: " << Layouts()[layout].name << ", query: " << query
            << ", " << range.start << " to " << range.end << " step " << range.step;
      }
    }
  }
  EXPECT_GT(with_exemplars, 50U);
}

}  // namespace
}  // namespace tocsin::oracle
