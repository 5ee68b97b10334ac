/// A manager of rules under a virtual clock, with the real PromQL engine over series in memory.

#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/base/clock.h"
#include "cpp/promql/engine.h"
#include "cpp/rules/engine_query.h"
#include "cpp/rules/manager.h"
#include "tests/unit/rules/fakes.h"

namespace tocsin::rules {

inline constexpr Nanos kStart = 1'700'000'000 * kSecond;

class ManagerTest : public testing::Test {
 protected:
  ManagerTest() : clock_(kStart), engine_(promql::EngineOptions(), clock_) {
    options_.external_url = "http://tocsin:3200";
  }

  /// A new process on the same store: everything in memory is gone.
  void Start(std::string_view text) {
    manager_ = std::make_unique<Manager>(
        options_, Ports{query_ ? query_ : EngineQuery(engine_, series_), series_, state_, sink_,
                        Telemetry::None(), clock_, evidence_});
    Load(text);
  }
  void Load(std::string_view text) {
    auto file = ParseRuleFile("r.yaml", text);
    ASSERT_TRUE(file.has_value()) << file.error().ToString();
    std::vector<RuleFile> files;
    files.push_back(*std::move(file));
    ASSERT_TRUE(manager_->Load(std::move(files), clock_.Now()).ok());
    next_ = manager_->RunDue(clock_.Now());
  }

  /// Lets time pass up to `to`, running what becomes due; `tick` runs every 15 s before the rules.
  template <class Tick>
  void RunTo(Nanos to, const Tick& tick) {
    while (true) {
      const Nanos now = std::min(next_, next_tick_);
      if (now > to) break;
      clock_.Set(now);
      if (now == next_tick_) {
        tick(now);
        next_tick_ += 15 * kSecond;
      }
      next_ = manager_->RunDue(now);
    }
    clock_.Set(to);
  }
  void RunTo(Nanos to) {
    RunTo(to, [](Nanos) {});
  }
  void RunFor(Nanos duration) { RunTo(clock_.Now() + duration); }

  /// The state of the first alert of the named rule, or "none".
  std::string StateOf(std::string_view rule_name) const {
    for (const auto& group : manager_->Groups()) {
      for (const RuleView& rule : group->rules) {
        if (rule.name == rule_name) return rule.alerts.empty() ? "none" : rule.alerts[0].state;
      }
    }
    return "no such rule";
  }
  RuleView View(size_t rule, size_t group = 0) const {
    return manager_->Groups().at(group)->rules.at(rule);
  }

  VirtualClock clock_;
  promql::Engine engine_;
  FakeSeries series_;
  FakeState state_;
  FakeSink sink_;
  Options options_;
  QueryFunction query_;
  EvidenceSource* evidence_ = nullptr;
  std::unique_ptr<Manager> manager_;
  Nanos next_ = 0;
  Nanos next_tick_ = kStart;
};

}  // namespace tocsin::rules
