// The engine against scripts: our own in tests/golden/promql, and Prometheus's where they are
// there, or those of the directory that TOCSIN_PROMQL_SCRIPTS names.

#include <algorithm>
#include <cstdlib>
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

std::filesystem::path Conformance() {
  if (const char* directory = std::getenv("TOCSIN_PROMQL_SCRIPTS")) return directory;
  return std::filesystem::path(TOCSIN_SOURCE_DIR).parent_path() / "shared/conformance/promql";
}

std::map<std::string, std::string> Scripts(const std::filesystem::path& directory) {
  std::map<std::string, std::string> scripts;
  if (!std::filesystem::is_directory(directory)) return scripts;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() != ".test") continue;
    std::ifstream file(entry.path(), std::ios::binary);
    scripts[entry.path().string()] = std::string(std::istreambuf_iterator<char>(file), {});
  }
  return scripts;
}

// As upstream runs its scripts.
EngineOptions Everything() {
  EngineOptions options;
  options.delayed_name_removal = true;
  options.use_start_timestamps = true;
  options.parser = ParserOptions::Everything();
  return options;
}

// Without delayed name removal, what Prometheus and we do by default.
EngineOptions EverythingButDelay() {
  EngineOptions options = Everything();
  options.delayed_name_removal = false;
  return options;
}

// Prints each failure as file:line; returns how many there are.
size_t RunAndPrint(const std::map<std::string, std::string>& scripts,
                   const EngineOptions& options) {
  size_t passed = 0;
  size_t evaluations = 0;
  for (const auto& [name, text] : scripts) {
    const ScriptOutcome outcome = RunScript(text, options);
    for (const ScriptFailure& failure : outcome.failures) {
      std::cout << name << ":" << failure.line << ": " << failure.text << "\n";
    }
    passed += outcome.passed();
    evaluations += outcome.evaluations;
  }
  std::cout << "passed " << passed << " of " << evaluations << "\n";
  return evaluations - passed;
}

TEST(ConformanceTest, OwnScriptsPass) {
  const auto scripts = Scripts(kGolden);
  ASSERT_FALSE(scripts.empty());
  EXPECT_EQ(RunAndPrint(scripts, Everything()), 0U);
  EXPECT_EQ(RunAndPrint(scripts, EverythingButDelay()), 0U);
}

TEST(ConformanceTest, UpstreamScriptsPass) {
  const auto scripts = Scripts(Conformance());
  if (scripts.empty()) {
    std::cout << "no scripts, not run: " << Conformance() << "\n";
    EXPECT_EQ(std::getenv("TOCSIN_PROMQL_SCRIPTS"), nullptr) << "there must be some";
    return;
  }
  EXPECT_EQ(RunAndPrint(scripts, Everything()), 0U);
}

// All but those that are about delayed name removal, or ask for names (in annotations, in `and`)
// that are there only with it.
bool NeedsDelay(const std::string& path) {
  static const std::vector<std::string> kNames = {"name_label_dropping.test", "histograms.test",
                                                  "native_histograms.test", "type_and_unit.test"};
  return std::ranges::find(kNames, std::filesystem::path(path).filename().string()) != kNames.end();
}

TEST(ConformanceTest, UpstreamScriptsPassWithoutDelayedNameRemoval) {
  auto scripts = Scripts(Conformance());
  if (scripts.empty()) std::cout << "no scripts, not run: " << Conformance() << "\n";
  std::erase_if(scripts, [](const auto& script) { return NeedsDelay(script.first); });
  EXPECT_EQ(RunAndPrint(scripts, EverythingButDelay()), 0U);
}

TEST(ConformanceTest, EveryExpressionPrintsAsItParses) {
  auto scripts = Scripts(kGolden);
  scripts.merge(Scripts(Conformance()));
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
