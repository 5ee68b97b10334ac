/// Runs unit tests of rules: the rules under a virtual clock, on the series of a test.
///
/// As promtool does it: every group is evaluated at each multiple of evaluation_interval from the
/// start of the test to the last time that an expectation names, whatever its own interval is;
/// input is there only up to the time of the evaluation; expressions are asked afterwards.

#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/promql/engine.h"
#include "cpp/rules/rule_file.h"
#include "cpp/rules/unit_test_file.h"

namespace tocsin::rules {

struct UnitTestOptions {
  /// Of the engine; the subquery step is the test file's.
  promql::EngineOptions engine;
  /// Failures show the lines that are missing and those that are too many, instead of both texts.
  bool diff = false;
  /// Is given every series at the end of a test, as text. May be empty.
  std::function<void(std::string_view)> dump;
};

/// The failures of a test, each a text of several lines; none if it passes. `rules` are those that
/// the file names. A rule that cannot be evaluated ends the test.
std::vector<std::string> RunUnitTest(const UnitTestFile& file, const UnitTest& test,
                                     std::span<const RuleFile> rules,
                                     const UnitTestOptions& options);

}  // namespace tocsin::rules
