/// A data directory under a virtual clock, and backtests over it, as short texts.

#pragma once

#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/backtest/alert_periods.h"
#include "cpp/backtest/backtest.h"
#include "cpp/base/format.h"
#include "cpp/engine/engine.h"
#include "tests/unit/temporary_directory.h"

namespace tocsin::backtest {

/// A whole number of all intervals that the tests use.
inline constexpr Nanos kStart = 1'700'006'400 * kSecond;

/// A file of one group; `rules` begins with a line feed.
inline std::string Group(std::string_view interval, std::string_view rules) {
  return "groups:\n- name: g\n  interval: " + std::string(interval) +
         "\n  rules:" + std::string(rules);
}

class World : public testing::Test {
 protected:
  World() { Open(); }
  ~World() override { engine_.reset(); }

  /// Opens the directory, again.
  void Open() {
    engine_.reset();
    engine::EngineOptions options;
    options.path = path_;
    options.background = false;
    auto opened = engine::Engine::Open(std::move(options), clock_, Telemetry::None());
    ASSERT_TRUE(opened.has_value()) << opened.error().ToString();
    engine_ = *std::move(opened);
  }

  /// A sample `after` the start.
  void Add(const Labels& labels, Nanos after, double value) {
    const RefSample sample{engine_->series().Ref(labels), {(kStart + after) / kMillisecond, value}};
    clock_.Set(std::max(clock_.Now(), kStart + after));
    ASSERT_TRUE(engine_->series().Put({.samples = {&sample, 1}}).ok());
  }

  static std::vector<rules::RuleFile> Files(std::string_view text) {
    auto file = rules::ParseRuleFile("r.yaml", text);
    EXPECT_TRUE(file.has_value()) << file.error().ToString();
    std::vector<rules::RuleFile> files;
    if (file.has_value()) files.push_back(*std::move(file));
    return files;
  }

  History TheHistory() {
    return {engine_->promql(), engine_->series(), engine_->series(), &engine_->spans()};
  }

  Result<Report> TryRun(std::string_view text, const Options& options) {
    const History history = TheHistory();
    return backtest::Run(history, Files(text), options);
  }

  Report RunFor(std::string_view text, Nanos length, Options options = {}) {
    options.from = kStart;
    options.to = kStart + length;
    auto report = TryRun(text, options);
    EXPECT_TRUE(report.has_value()) << report.error().ToString();
    return report.has_value() ? *std::move(report) : Report();
  }

  static std::string After(std::optional<Nanos> time) {
    return time ? std::to_string((*time - kStart) / kSecond) : "-";
  }

  /// "High{...} 60 120 300 value 3 peak 7 of 9": seconds after the start at which it was pending,
  /// firing, resolved; the evaluations last.
  static std::string Text(const AlertPeriod& period) {
    Labels labels = period.labels;
    labels.Remove("alertname");
    std::string text = period.alert + labels.ToString() + " " + After(period.pending_since) + " " +
                       After(period.firing_since) + " " + After(period.resolved_at) + " value " +
                       FormatGoFloat(period.value) + " peak " + FormatGoFloat(period.peak) +
                       " of " + std::to_string(period.evaluations);
    for (const auto& [name, value] : period.annotations) text += " " + name + "=" + value;
    return text;
  }
  static std::vector<std::string> Texts(const std::vector<AlertPeriod>& periods) {
    std::vector<std::string> texts;
    for (const AlertPeriod& period : periods) texts.push_back(Text(period));
    return texts;
  }
  static std::vector<std::string> Texts(const Report& report) { return Texts(report.periods); }

  VirtualClock clock_{kStart};
  const TemporaryDirectory home_;
  const std::string path_ = home_ / "data";
  std::unique_ptr<engine::Engine> engine_;
};

}  // namespace tocsin::backtest
