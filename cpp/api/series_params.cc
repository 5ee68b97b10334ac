#include "cpp/api/series_params.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "cpp/promql/parser.h"

namespace tocsin::api {

using promql::Matcher;

Result<TimeWindow> ReadTimeWindow(const Params& params, TimeWindow otherwise) {
  TimeWindow window = otherwise;
  TOCSIN_ASSIGN_OR_RETURN(window.from, params.Time("start", window.from));
  TOCSIN_ASSIGN_OR_RETURN(window.to, params.Time("end", window.to));
  if (window.to < window.from) {
    return InvalidArgumentError(
        "invalid parameter \"end\": end timestamp must not be before start timestamp");
  }
  return window;
}

Result<std::vector<std::vector<Matcher>>> ReadSeriesSelectors(const Params& params) {
  std::vector<std::vector<Matcher>> selectors;
  for (const std::string_view text : params.All("match[]")) {
    Result<std::vector<Matcher>> selector = promql::ParseSelector(text);
    if (!selector) return Failure(selector.error().WithContext("invalid parameter \"match[]\""));
    // As Prometheus has it: `{__name__=~".*"}` would be everything, and is asked for without
    // match[].
    const bool selects =
        std::ranges::any_of(*selector, [](const Matcher& matcher) { return !matcher.Matches(""); });
    if (!selects) {
      return InvalidArgumentError(
          "invalid parameter \"match[]\": match[] must contain at least one non-empty matcher");
    }
    selectors.push_back(*std::move(selector));
  }
  return selectors;
}

}  // namespace tocsin::api
