// Random groups, evaluated by one thread and by several: nothing may differ.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/base/log.h"
#include "cpp/base/telemetry.h"
#include "tests/unit/rules/manager_fixture.h"

namespace tocsin::rules {
namespace {

using Random = std::minstd_rand;

/// As FakeSeries, for several threads.
class SharedSeries : public SampleSink, public promql::SeriesSource {
 public:
  SeriesRef Ref(const Labels& labels) override {
    const std::lock_guard lock(mutex_);
    return series_.Ref(labels);
  }
  Result<AppendOutcome> Append(const SampleBatch& batch) override {
    const std::lock_guard lock(mutex_);
    return series_.Append(batch);
  }
  void SetMetadata(std::span<const MetricMetadata> /*metadata*/) override {}
  Result<std::vector<promql::SeriesData>> Select(std::span<const promql::Matcher> matchers,
                                                 Millis from, Millis to) const override {
    const std::lock_guard lock(mutex_);
    return series_.Select(matchers, from, to);
  }

  void Add(const Labels& labels, Millis t, double value) { series_.Add(labels, t, value); }

  /// Every series with its samples, a line each, ordered by labels.
  std::string Text() const {
    std::map<std::string, std::string> lines;
    for (const promql::SeriesData& series : series_.all()) {
      std::string& line = lines[series.labels.ToString()];
      for (const Sample& sample : series.samples) {
        line += " " + (IsStaleNan(sample.v) ? "stale" : std::to_string(sample.v)) + "@" +
                std::to_string(sample.t % kDay);
      }
    }
    std::string text;
    for (const auto& [labels, line] : lines) text += labels + line + "\n";
    return text;
  }

 private:
  mutable std::mutex mutex_;
  FakeSeries series_;
};

std::string Pick(Random* random, const std::vector<std::string>& choices) {
  return choices[(*random)() % choices.size()];
}

std::string Selector(Random* random) {
  return Pick(random, {"in1", "in2", "r1", "r2", "r3", "r4", R"(r1{q="1"})", R"(r2{q!="1"})",
                       R"({__name__=~"r[12]"})", R"({q="2",__name__!~"ALERTS.*"})", "ALERTS",
                       R"(ALERTS{alertname="A1",alertstate="firing"})", "ALERTS_FOR_STATE"});
}

std::string Expression(Random* random) {
  const std::string selector = Selector(random);
  const std::string other = Selector(random);
  return Pick(random, {"sum by (q) (" + selector + ")", "sum(" + selector + ") > 3",
                       "max by (q, n) (" + selector + ") or sum(" + other + ")",
                       "max_over_time(sum(" + selector + ")[2m:30s])", "count(" + selector + ")",
                       "sum(" + selector + ") % 5", "sum by (q) (" + selector + " offset 1m)"});
}

std::string RandomRule(Random* random) {
  const std::string labels = Pick(random, {"", "", "labels: {q: '1'}, ", "labels: {q: '2'}, "});
  const std::string expr = "expr: '" + Expression(random) + "'";
  if ((*random)() % 3 != 0) {
    return "{record: " + Pick(random, {"r1", "r2", "r3", "r4"}) + ", " + labels + expr + "}";
  }
  const std::string note =
      Pick(random, {"", R"--(annotations: {s: '{{ query "count(r1)" | len }} {{ $value }}'}, )--"});
  const std::string hold = Pick(random, {"", "for: 1m, ", "keep_firing_for: 1m, "});
  return "{alert: " + Pick(random, {"A1", "A2", "A3"}) + ", " + labels + note + hold + expr + "}";
}

std::string RandomGroup(uint32_t seed) {
  Random random(seed);
  std::string text = "groups: [{name: g, interval: 30s, ";
  if (random() % 3 == 0) text += "limit: 3, ";
  text += "rules: [";
  const size_t rules = 2 + random() % 8;
  for (size_t i = 0; i < rules; ++i) text += RandomRule(&random) + ", ";
  return text + "]}]";
}

/// One group on its own store, evaluated by so many threads.
class World {
 public:
  World(std::string_view text, size_t threads)
      : threads_(threads), clock_(kStart), engine_(promql::EngineOptions(), clock_) {
    const QueryFunction query = EngineQuery(engine_, series_);
    manager_ = std::make_unique<Manager>(
        Options(),
        Ports{[this, query](const promql::Expr& expr, std::string_view asked, Millis at) {
                // Another thread may overtake.
                if (threads_ > 1 && asked.size() % 2 == 0) std::this_thread::yield();
                return query(expr, asked, at);
              },
              series_, state_, sink_, Telemetry::None(), clock_});
    std::vector<RuleFile> files;
    files.push_back(*ParseRuleFile("r.yaml", text));
    EXPECT_TRUE(manager_->Load(std::move(files), clock_.Now()).ok());
  }

  void Evaluate(Nanos now, Random* random) {
    clock_.Set(now);
    const Millis t = now / kMillisecond - 1;
    for (const char* name : {"in1", "in2"}) {
      for (const char* q : {"1", "2", "3"}) {
        const uint32_t value = (*random)() % 8;
        if (value == 0) continue;
        series_.Add(
            Labels{{std::string(kMetricName), name}, {"q", q}, {"n", std::to_string(value % 2)}}, t,
            value);
      }
    }
    std::vector<std::thread> others;
    for (size_t i = 1; i < threads_; ++i) others.emplace_back([this, now] { RunUntilDone(now); });
    RunUntilDone(now);
    for (std::thread& thread : others) thread.join();
  }

  /// All that there is to be seen.
  std::string Text() const {
    std::string text = series_.Text();
    for (const auto& [key, value] : state_.entries) text += key + " = " + value + "\n";
    for (const Alert& alert : sink_.sent) {
      text += alert.labels.ToString() + " " + std::to_string(alert.starts_at) + " " +
              std::to_string(alert.ends_at);
      for (const auto& [name, value] : alert.annotations) text.append(" ").append(value);
      text += "\n";
    }
    for (const RuleView& rule : manager_->Groups().at(0)->rules) {
      text += rule.name + " " + rule.health + " " + rule.last_error + "\n";
    }
    return text;
  }

 private:
  void RunUntilDone(Nanos now) {
    const auto done = [this, now] {
      return now - manager_->Groups().at(0)->last_evaluation < 30 * kSecond;
    };
    while (!done()) manager_->RunDue(now);
  }

  const size_t threads_;
  VirtualClock clock_;
  promql::Engine engine_;
  SharedSeries series_;
  FakeState state_;
  FakeSink sink_;
  std::unique_ptr<Manager> manager_;
};

TEST(RulesSideBySideTest, RandomGroupsGiveWhatTheyGiveInOrder) {
  log::SetLevel(log::Level::kError);  // Many of these rules fail, again and again.
  constexpr uint32_t kGroups = 30;
  constexpr int kTurns = 12;
  for (uint32_t seed = 1; seed <= kGroups; ++seed) {
    const std::string text = RandomGroup(seed);
    World one(text, 1);
    World several(text, 3);
    for (World* world : {&one, &several}) {
      Random random(seed);
      for (int turn = 1; turn <= kTurns; ++turn) {
        world->Evaluate(kStart + turn * 30 * kSecond, &random);
      }
    }
    ASSERT_EQ(one.Text(), several.Text()) << "seed " << seed << "\n" << text;
  }
  log::SetLevel(log::Level::kInfo);
}

}  // namespace
}  // namespace tocsin::rules
