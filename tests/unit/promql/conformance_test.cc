// The engine against scripts: our own in tests/golden/promql, and Prometheus's where they are
// there.

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/promql/parser.h"
#include "tests/unit/promql/script.h"

namespace tocsin::promql {
namespace {

const std::filesystem::path kGolden =
    std::filesystem::path(TOCSIN_SOURCE_DIR) / "tests/golden/promql";
const std::filesystem::path kConformance =
    std::filesystem::path(TOCSIN_SOURCE_DIR).parent_path() / "shared/conformance/promql";

std::map<std::string, std::string> Scripts(const std::filesystem::path& directory) {
  std::map<std::string, std::string> scripts;
  if (!std::filesystem::is_directory(directory)) return scripts;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() != ".test") continue;
    std::ifstream file(entry.path(), std::ios::binary);
    scripts[entry.path().filename().string()] =
        std::string(std::istreambuf_iterator<char>(file), {});
  }
  return scripts;
}

// As upstream runs its scripts.
EngineOptions Everything() {
  EngineOptions options;
  options.delayed_name_removal = true;
  options.parser = ParserOptions::Everything();
  return options;
}

ScriptOutcome RunAndPrint(const std::string& name, const std::string& text,
                          const EngineOptions& options) {
  ScriptOutcome outcome = RunScript(text, options);
  std::cout << name << ": " << outcome.passed << " passed, " << outcome.failures.size()
            << " failed, " << outcome.skipped << " skipped for native histograms\n";
  for (const std::string& failure : outcome.failures) std::cout << "  " << failure << "\n";
  return outcome;
}

// Without delayed name removal, what Prometheus and we do by default.
EngineOptions EverythingButDelay() {
  EngineOptions options = Everything();
  options.delayed_name_removal = false;
  return options;
}

TEST(ConformanceTest, OwnScriptsPass) {
  const auto scripts = Scripts(kGolden);
  ASSERT_FALSE(scripts.empty());
  for (const auto& [name, text] : scripts) {
    for (const EngineOptions& options : {Everything(), EverythingButDelay()}) {
      const ScriptOutcome outcome = RunAndPrint(name, text, options);
      EXPECT_TRUE(outcome.failures.empty()) << name;
      EXPECT_EQ(outcome.skipped, 0U) << name;
    }
  }
}

// What has been reached: how many evaluations of each script need no native histogram and pass.
const std::map<std::string, size_t> kReached = {
    {"aggregators.test", 126},        {"at_modifier.test", 78}, {"collision.test", 2},
    {"functions-1.test", 131},        {"histograms.test", 93},  {"literals.test", 25},
    {"name_label_dropping.test", 30}, {"operators.test", 142},  {"range_queries.test", 17},
    {"selectors.test", 31},           {"staleness.test", 17},   {"subquery.test", 32},
    {"trig_functions.test", 19}};

TEST(ConformanceTest, UpstreamScriptsPass) {
  const auto scripts = Scripts(kConformance);
  if (scripts.empty()) std::cout << "not there, not run: " << kConformance << "\n";
  for (const auto& [name, text] : scripts) {
    const ScriptOutcome outcome = RunAndPrint(name, text, Everything());
    EXPECT_TRUE(outcome.failures.empty()) << name;
    const auto reached = kReached.find(name);
    EXPECT_GE(outcome.passed, reached == kReached.end() ? 0 : reached->second) << name;
  }
}

// All but two do not depend on when names are dropped; of those, one is about nothing else, and the
// other asks for names in its warnings.
TEST(ConformanceTest, UpstreamScriptsPassWithoutDelayedNameRemoval) {
  const auto scripts = Scripts(kConformance);
  if (scripts.empty()) std::cout << "not there, not run: " << kConformance << "\n";
  for (const auto& [name, text] : scripts) {
    if (name == "name_label_dropping.test" || name == "histograms.test") continue;
    const ScriptOutcome outcome = RunAndPrint(name, text, EverythingButDelay());
    EXPECT_TRUE(outcome.failures.empty()) << name;
  }
}

TEST(ConformanceTest, EveryExpressionPrintsAsItParses) {
  auto scripts = Scripts(kGolden);
  scripts.merge(Scripts(kConformance));
  for (const auto& [name, text] : scripts) {
    for (const ScriptExpression& expression : ExpressionsOf(text)) {
      SCOPED_TRACE(name + ":" + std::to_string(expression.line) + ": " + expression.text);
      const Result<Expr> once = Parse(expression.text, ParserOptions::Everything());
      if (!once.has_value()) {
        EXPECT_TRUE(expression.fails) << once.error().message();
        continue;
      }
      const std::string printed = ToString(*once);
      const Result<Expr> twice = Parse(printed, ParserOptions::Everything());
      ASSERT_TRUE(twice.has_value()) << printed << ": " << twice.error().message();
      EXPECT_TRUE(*once == *twice) << printed;
      EXPECT_EQ(ToString(*twice), printed);
    }
  }
}

}  // namespace
}  // namespace tocsin::promql
