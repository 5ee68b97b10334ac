#include "cpp/cli/rules_test.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/duration.h"
#include "cpp/cli/files.h"
#include "cpp/cli/junit.h"
#include "cpp/lib/regex.h"
#include "cpp/rules/rule_file.h"
#include "cpp/rules/unit_test_file.h"
#include "cpp/rules/unit_test_runner.h"
#include "cpp/server/engine_options.h"
#include "cpp/server/rule_files.h"

namespace tocsin::cli {
namespace {

constexpr int kFailed = 1;
constexpr int kUsageError = 2;

void PrintError(const std::string& text) { std::fprintf(stderr, "%s\n", text.c_str()); }

/// The rule files that a test file names, relative to itself.
Result<std::vector<rules::RuleFile>> RulesOf(const rules::UnitTestFile& tests) {
  const std::filesystem::path home = std::filesystem::path(tests.path).parent_path();
  std::vector<std::string> globs;
  for (const std::string& pattern : tests.rule_files) {
    globs.push_back((home / pattern).lexically_normal().string());
    const Result<server::FileVersions> found = server::FindRuleFiles({globs.back()});
    if (found.has_value() && !found->empty()) continue;
    PrintError("  WARNING: no file match pattern " + globs.back());
    globs.pop_back();
  }
  TOCSIN_ASSIGN_OR_RETURN(server::RuleFiles read, server::ReadRuleFiles(globs));
  return std::move(read.files);
}

class Tester {
 public:
  Tester(const Arguments& arguments, std::optional<lib::Regex> run)
      : debug_(arguments.debug), run_(std::move(run)) {
    options_.engine.parser = server::ServedPromQl();
    options_.diff = arguments.diff;
    if (debug_) options_.dump = [](std::string_view text) { Dump(text); };
  }

  /// False if anything fails; what, is on standard error.
  bool TestFile(const std::string& path);

  const std::vector<JunitSuite>& suites() const { return suites_; }

 private:
  static void Dump(std::string_view text) {
    PrintError("DEBUG: Dump of all data (input_series and rules):\n" + std::string(text));
  }

  bool Abort(JunitSuite* suite, const Status& error) {
    suite->error = error.message();
    PrintError("  FAILED:\n" + suite->error + "\n");
    return false;
  }
  std::vector<std::string> RunOne(const rules::UnitTestFile& file, const rules::UnitTest& test,
                                  const std::string& name,
                                  const std::vector<rules::RuleFile>& rules) const;

  const bool debug_;
  const std::optional<lib::Regex> run_;
  rules::UnitTestOptions options_;
  std::vector<JunitSuite> suites_;
};

std::vector<std::string> Tester::RunOne(const rules::UnitTestFile& file,
                                        const rules::UnitTest& test, const std::string& name,
                                        const std::vector<rules::RuleFile>& rules) const {
  if (debug_) PrintError("DEBUG: Starting test " + name);
  const Nanos began = Clock::Real().Now();
  std::vector<std::string> failures = RunUnitTest(file, test, rules, options_);
  if (debug_) {
    PrintError("DEBUG: Test " + name + " finished, took " +
               FormatPeriod(std::max<Nanos>(Clock::Real().Now() - began, 0)));
  }
  return failures;
}

bool Tester::TestFile(const std::string& path) {
  std::printf("Unit Testing:  %s\n", path.c_str());
  std::fflush(stdout);  // What fails goes to another stream, and belongs below.
  JunitSuite& suite = suites_.emplace_back();
  suite.name = path;
  suite.time = Clock::Real().Now();
  const Result<std::string> text = ReadText(path);
  if (!text.has_value()) return Abort(&suite, text.error());
  const Result<rules::UnitTestFile> file = rules::ParseUnitTestFile(path, *text);
  if (!file.has_value()) return Abort(&suite, file.error());
  const Result<std::vector<rules::RuleFile>> rules = RulesOf(*file);
  if (!rules.has_value()) return Abort(&suite, rules.error());
  std::string failures;
  for (size_t i = 0; i < file->tests.size(); ++i) {
    const rules::UnitTest& test = file->tests[i];
    if (run_ && !run_->PartialMatch(test.name)) continue;
    JunitCase& one = suite.cases.emplace_back();
    one.name = test.name.empty() ? "unnamed#" + std::to_string(i) : test.name;
    one.failures = RunOne(*file, test, one.name, *rules);
    for (const std::string& failure : one.failures) failures.append(failure).append("\n\n");
  }
  if (suite.cases.empty() && run_) PrintError("  WARNING: --run matches no test of " + path);
  if (failures.empty()) {
    std::printf("  SUCCESS\n\n");
  } else {
    std::fprintf(stderr, "  FAILED:\n%s", failures.c_str());
  }
  return failures.empty();
}

/// Nullopt, with a complaint, for a bad pattern.
std::optional<std::optional<lib::Regex>> RunPattern(const std::vector<std::string>& patterns) {
  if (patterns.empty()) return std::optional<lib::Regex>();
  std::string joined;
  for (const std::string& pattern : patterns) {
    joined.append(joined.empty() ? "" : "|").append(pattern);
  }
  Result<lib::Regex> compiled = lib::Regex::Compile(joined);
  if (compiled.has_value()) return std::optional<lib::Regex>(*std::move(compiled));
  PrintError("tocsin: --run: " + std::string(compiled.error().message()));
  return std::nullopt;
}

}  // namespace

int TestRules(const Arguments& arguments) {
  if (arguments.positional.empty()) {
    PrintError("tocsin: tocsin rules test takes test files");
    return kUsageError;
  }
  std::optional<std::optional<lib::Regex>> run = RunPattern(arguments.run);
  if (!run) return kUsageError;
  Tester tester(arguments, *std::move(run));
  bool passed = true;
  for (const std::string& path : arguments.positional) passed = tester.TestFile(path) && passed;
  if (!arguments.junit.empty()) {
    std::ofstream file(arguments.junit, std::ios::binary);
    file << JunitXml(tester.suites());
    file.close();
    if (!file) {
      PrintError("failed to write JUnit XML: " + arguments.junit);
      return kFailed;
    }
  }
  return passed ? 0 : kFailed;
}

}  // namespace tocsin::cli
