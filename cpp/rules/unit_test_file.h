/// Files of unit tests of rules, in the format of `promtool test rules`.
///
/// Every key that promtool knows is read, and no other is taken. Complaints name their place,
/// "tests/a.yaml:12:9: ...", also inside of series and histograms.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/model/alert.h"
#include "cpp/model/labels.h"
#include "cpp/promql/load_command.h"

namespace tocsin::rules {

/// The alerts of one name that fire at a time: all of them.
struct AlertExpectation {
  struct FiringAlert {
    Labels labels;  ///< With alertname.
    Annotations annotations;
  };

  std::string where;  ///< "file:line:column".
  Nanos eval_time = 0;
  std::string alert_name;
  std::vector<FiringAlert> alerts;
};

/// What an expression gives at a time: every element, in any order.
struct ExprExpectation {
  struct Element {
    Labels labels;
    double value = 0;
    std::string histogram;  ///< As HistogramNotation writes it; if set, `value` means nothing.
  };

  std::string where;
  Nanos eval_time = 0;
  std::string expr;
  std::vector<Element> elements;
};

/// An item of `tests`: a world of its own, with its expectations.
struct UnitTest {
  std::string name;    ///< May be empty.
  Nanos interval = 0;  ///< Between the values of the input; also of groups that name none.
  Nanos start = 0;     ///< When the test begins: `start_timestamp`, else the epoch.
  std::vector<promql::LoadCommand::Series> input;  ///< At absolute times; no labels twice.
  Labels external_labels;
  std::string external_url;
  std::vector<AlertExpectation> alerts;
  std::vector<ExprExpectation> expressions;

  /// The last time that an expectation names, counted from the start.
  Nanos LastEvalTime() const;
};

struct UnitTestFile {
  std::string path;
  std::vector<std::string> rule_files;  ///< As written: relative to the file, and perhaps globs.
  Nanos evaluation_interval = kMinute;
  std::vector<std::string> group_eval_order;
  bool fuzzy_compare = false;  ///< Values may differ by one in the last place.
  std::vector<UnitTest> tests;
};

/// `path` is only used to name the file. kInvalidArgument with the complaints, a line each.
Result<UnitTestFile> ParseUnitTestFile(std::string_view path, std::string_view text);

}  // namespace tocsin::rules
