// How rules are evaluated: our own section, and what stands in `global`.

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cpp/config/load.h"

namespace tocsin::config {
namespace {

using testing::HasSubstr;

Result<Loaded> LoadText(const std::string& text) {
  return Load({.text = text, .file_name = "c.yaml", .overrides = {}});
}

TEST(RulesConfigTest, EverythingHasPrometheussDefault) {
  const Result<Loaded> loaded = LoadText("");
  ASSERT_TRUE(loaded.has_value());
  const Rules& rules = loaded->config.rules;
  EXPECT_EQ(rules.max_concurrent_evals, 4U);
  EXPECT_EQ(rules.for_outage_tolerance, kHour);
  EXPECT_EQ(rules.for_grace_period, 10 * kMinute);
  EXPECT_EQ(rules.resend_delay, kMinute);
  EXPECT_EQ(loaded->config.rule_query_offset, 0);
  EXPECT_FALSE(rules.restore_as_prometheus) << "ours: as it was";
  EXPECT_FALSE(rules.api);
  EXPECT_THAT(loaded->effective, HasSubstr("max_concurrent_evals: 4"));
}

TEST(RulesConfigTest, EverythingCanBeSet) {
  const Result<Loaded> loaded = LoadText(R"(
global: {rule_query_offset: 15s}
rules:
  max_concurrent_evals: 9
  restore: prometheus
  for_outage_tolerance: 2h
  for_grace_period: 1m
  resend_delay: 30s
  watch_interval: 0s
  api: true
)");
  ASSERT_TRUE(loaded.has_value()) << loaded.error().ToString();
  const Rules& rules = loaded->config.rules;
  EXPECT_EQ(rules.max_concurrent_evals, 9U);
  EXPECT_TRUE(rules.restore_as_prometheus);
  EXPECT_EQ(rules.for_outage_tolerance, 2 * kHour);
  EXPECT_EQ(rules.for_grace_period, kMinute);
  EXPECT_EQ(rules.resend_delay, 30 * kSecond);
  EXPECT_EQ(rules.watch_interval, 0);
  EXPECT_TRUE(rules.api);
  EXPECT_EQ(loaded->config.rule_query_offset, 15 * kSecond);
  EXPECT_THAT(loaded->effective, HasSubstr("restore: \"prometheus\""));
}

TEST(RulesConfigTest, WhatCannotBeIsRefused) {
  const auto error = [](const std::string& text) {
    const Result<Loaded> loaded = LoadText(text);
    return loaded.has_value() ? std::string("taken") : std::string(loaded.error().message());
  };
  EXPECT_THAT(error("rules: {max_concurrent_evals: 0}"), HasSubstr("must not be 0"));
  EXPECT_THAT(error("rules: {max_concurrent_evals: 5000}"), HasSubstr("is at most 1000"));
  EXPECT_THAT(error("rules: {restore: maybe}"), HasSubstr("rules.restore"));
  EXPECT_THAT(error("rules: {restor: exact}"), HasSubstr("unknown key \"restor\""));
}

}  // namespace
}  // namespace tocsin::config
