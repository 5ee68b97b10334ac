/// Templates of alert labels and annotations: the language, Prometheus's functions and its
/// variables $labels, $value, $externalLabels and $externalURL, which are also .Labels, .Value,
/// .ExternalLabels and .ExternalURL.
///
/// Functions: query, first, label, value, strvalue, sortByLabel, args, tmpl, safeHtml, match,
/// reReplaceAll, title, toUpper, toLower, graphLink, tableLink, externalURL, pathPrefix, humanize,
/// humanize1024, humanizeDuration, humanizePercentage, humanizeTimestamp, toTime, toDuration, now,
/// parseDuration, stripPort, stripDomain, urlQueryEscape; and our own traces: the ids of traces
/// that show why the alert holds, a list of texts.

#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/model/labels.h"
#include "cpp/model/native_histogram.h"
#include "cpp/template/template.h"

namespace tocsin::tmpl {

/// One element of an instant vector.
struct QuerySample {
  Labels labels;
  double value = 0;
  HistogramPtr histogram = {};  ///< If set, $value is this, as PromQL prints it.
};

/// What the functions ask of the world around them.
struct AlertEnvironment {
  Nanos now = 0;             ///< The time of the evaluation.
  std::string external_url;  ///< "https://host/prefix", without a slash at its end.
  Labels external_labels;
  /// Evaluates an expression as of `now`. May be empty: `query` is then an error.
  std::function<Result<std::vector<QuerySample>>(std::string_view expr)> query;
  /// What `traces` gives. May be empty: there are none.
  std::function<std::vector<std::string>()> traces = {};
};

/// A parsed label or annotation of an alerting rule. Immutable, cheap to copy, thread-safe.
class AlertTemplate {
 public:
  /// kInvalidArgument: "line 1, column 14: ...", counted within `text`.
  static Result<AlertTemplate> Parse(std::string_view text);

  /// kInvalidArgument or kResourceExhausted with the position of what failed.
  Result<std::string> Expand(const AlertEnvironment& environment, const Labels& labels,
                             double value) const;

  Result<std::string> Expand(const AlertEnvironment& environment, const QuerySample& sample) const;

  /// As Expand, but a failure becomes the text that Prometheus would send, "<error expanding
  /// template: ...>", and is left in `error`, which is not touched otherwise.
  std::string ExpandOrExplain(const AlertEnvironment& environment, const QuerySample& sample,
                              Status* error) const;

 private:
  AlertTemplate(std::string literal, std::vector<Template> parsed)
      : literal_(std::move(literal)), template_(std::move(parsed)) {}

  std::string literal_;             ///< The text, if it has no action.
  std::vector<Template> template_;  ///< Otherwise one.
};

/// `/graph?g0.expr=<expr>&g0.tab=1`: where an expression can be looked at, as a table.
std::string TableLink(std::string_view expr);

}  // namespace tocsin::tmpl
