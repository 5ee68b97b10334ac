// The unit tests of the rules that are shipped, and that each of them has what belongs to it.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/rules/plain_form.h"
#include "cpp/rules/rule_file.h"
#include "cpp/rules/unit_test_file.h"
#include "cpp/rules/unit_test_runner.h"

namespace tocsin::rules {
namespace {

const std::filesystem::path kRoot = TOCSIN_SOURCE_DIR;

std::string TextOf(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

RuleFile RulesOf(const std::filesystem::path& path) {
  const Result<RuleFile> file = ParseRuleFile(path.string(), TextOf(path));
  EXPECT_TRUE(file.has_value()) << file.error().message();
  return file.has_value() ? *file : RuleFile();
}

std::vector<std::filesystem::path> YamlOf(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() == ".yaml") paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  return paths;
}

struct Tests {
  UnitTestFile file;
  std::vector<RuleFile> rules;
};

Tests TestsOf(const std::filesystem::path& path) {
  const Result<UnitTestFile> file = ParseUnitTestFile(path.string(), TextOf(path));
  EXPECT_TRUE(file.has_value()) << file.error().message();
  if (!file.has_value()) return {};
  Tests tests{*file, {}};
  for (const std::string& rules : file->rule_files) {
    tests.rules.push_back(RulesOf(path.parent_path() / rules));
  }
  return tests;
}

std::vector<std::string> Failures(const Tests& tests, const UnitTest& test) {
  return RunUnitTest(tests.file, test, tests.rules, {});
}

TEST(ShippedRuleTestsTest, Pass) {
  for (const std::filesystem::path& path : YamlOf(kRoot / "rules/tests")) {
    const Tests tests = TestsOf(path);
    EXPECT_FALSE(tests.file.tests.empty()) << path;
    for (const UnitTest& test : tests.file.tests) {
      EXPECT_EQ(Failures(tests, test), std::vector<std::string>()) << path;
    }
  }
}

TEST(ShippedRuleTestsTest, FailWhereAnythingElseIsExpected) {
  const Tests tests = TestsOf(kRoot / "rules/tests/tempo-alerts_test.yaml");
  for (const UnitTest& test : tests.file.tests) {
    SCOPED_TRACE(test.name);
    for (size_t i = 0; i < test.alerts.size(); ++i) {
      UnitTest other = test;
      std::vector<AlertExpectation::FiringAlert>& alerts = other.alerts[i].alerts;
      if (alerts.empty()) {
        alerts.push_back({Labels{{"alertname", test.alerts[i].alert_name}}, {}});
        EXPECT_EQ(Failures(tests, other).size(), 1U);
        continue;
      }
      alerts[0].labels.Set("severity", "none");
      EXPECT_EQ(Failures(tests, other).size(), 1U);
      alerts[0] = test.alerts[i].alerts[0];
      alerts[0].annotations[0].second.append("!");
      EXPECT_EQ(Failures(tests, other).size(), 1U);
      alerts.clear();
      EXPECT_EQ(Failures(tests, other).size(), 1U);
    }
  }
}

TEST(ShippedRuleTestsTest, ThePlainFormIsThatOfTheManifest) {
  const Result<std::string> plain = PlainForm(TextOf(kRoot / "rules/tempo-alerts.yaml"));
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(*plain, TextOf(kRoot / "rules/plain/tempo-alerts.yaml"))
      << "tocsin rules check --print-plain rules/tempo-alerts.yaml > rules/plain/tempo-alerts.yaml";
}

// Firing once, silent once before it, and silent once after it.
TEST(ShippedRuleTestsTest, CoverEveryAlertFromBeginningToEnd) {
  std::map<std::string, std::string> seen;  // Per alert a letter an expectation, by time.
  for (const std::filesystem::path& path : YamlOf(kRoot / "rules/tests")) {
    for (const UnitTest& test : TestsOf(path).file.tests) {
      std::vector<AlertExpectation> alerts = test.alerts;
      std::ranges::stable_sort(alerts, {}, &AlertExpectation::eval_time);
      for (const AlertExpectation& alert : alerts) {
        seen[alert.alert_name].append(std::to_string(alert.alerts.size()));
      }
    }
  }
  for (const std::filesystem::path& path : YamlOf(kRoot / "rules")) {
    for (const GroupSpec& group : RulesOf(path).groups) {
      for (const RuleSpec& rule : group.rules) {
        if (!rule.alerting) continue;
        const std::string& course = seen[rule.name];
        const size_t fires = course.find_first_of("123");
        ASSERT_NE(fires, std::string::npos) << rule.name;
        EXPECT_NE(fires, 0U) << rule.name;
        const size_t peak = course.find_last_of("23");
        const size_t quieter =
            peak == std::string::npos ? course.find('0', fires) : course.find_first_of("01", peak);
        EXPECT_NE(quieter, std::string::npos) << rule.name;
      }
    }
  }
}

TEST(ShippedRuleTestsTest, EveryAlertHasARunbook) {
  std::set<std::string> names;
  for (const std::filesystem::path& path : YamlOf(kRoot / "rules")) {
    for (const GroupSpec& group : RulesOf(path).groups) {
      for (const RuleSpec& rule : group.rules) {
        if (!rule.alerting) continue;
        names.insert(rule.name + ".md");
        const std::string page = "docs/runbooks/" + rule.name + ".md";
        EXPECT_TRUE(std::filesystem::exists(kRoot / page)) << page;
        if (path.filename() == "tempo-alerts.yaml") continue;  // Is as it came.
        const auto url = std::ranges::find(rule.annotations, "runbook_url", &TemplatedText::name);
        ASSERT_NE(url, rule.annotations.end()) << rule.name;
        EXPECT_EQ(url->text, page);
      }
    }
  }
  for (const auto& entry : std::filesystem::directory_iterator(kRoot / "docs/runbooks")) {
    EXPECT_TRUE(names.contains(entry.path().filename().string())) << entry.path();
  }
}

}  // namespace
}  // namespace tocsin::rules
