#include "cpp/api/federate.h"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/api/params.h"
#include "cpp/api/prometheus_json.h"
#include "cpp/base/exposition_text.h"
#include "cpp/base/format.h"
#include "cpp/promql/parser.h"

namespace tocsin::api {
namespace {

constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";
constexpr std::string_view kInstance = "instance";

// Of the grammar before UTF-8: letters, digits, `_` and `:`, no digit first.
// A name that the old grammar does not know stands in quotes among the labels.
void AppendSeries(const Labels& labels, const Labels& external, std::string* out) {
  const std::string_view name = labels.metric_name();
  const bool plain = IsPlainMetricName(name);
  if (plain) out->append(name);
  out->push_back('{');
  bool first = true;
  const auto separate = [&] {
    if (!first) out->push_back(',');
    first = false;
  };
  if (!plain) {
    separate();
    AppendQuoted(name, out);
  }
  const auto add = [&](std::string_view label, std::string_view value) {
    separate();
    if (IsPlainLabelName(label)) {
      out->append(label);
    } else {
      AppendQuoted(label, out);
    }
    out->push_back('=');
    AppendQuoted(value, out);
  };
  for (const auto& [label, value] : labels) {
    if (label != kMetricName) add(label, value);
  }
  for (const auto& [label, value] : external) {
    if (!labels.Has(label)) add(label, value);
  }
  // So that whoever scrapes this with honor_labels does not put its own there.
  if (!labels.Has(kInstance) && !external.Has(kInstance)) add(kInstance, "");
  out->push_back('}');
}

Result<std::map<Labels, Sample>> Newest(const FederateBackend& backend, const Params& params) {
  const std::vector<std::string_view> texts = params.All("match[]");
  if (texts.empty()) return InvalidArgumentError("no match[] parameter provided");
  const Millis now = backend.clock->Now() / kMillisecond;
  std::map<Labels, Sample> newest;
  for (const std::string_view text : texts) {
    const Result<std::vector<promql::Matcher>> matchers = promql::ParseSelector(text);
    if (!matchers) return Failure(matchers.error().WithContext("invalid parameter \"match[]\""));
    TOCSIN_ASSIGN_OR_RETURN(std::vector<promql::SeriesData> found,
                            backend.series->Select(*matchers, now - backend.lookback, now));
    for (promql::SeriesData& series : found) {
      if (series.samples.empty() || series.labels.metric_name().empty()) continue;
      const Sample last = series.samples.back();
      const bool histogram_is_newer =
          !series.histograms.empty() && series.histograms.back().t > last.t;
      if (IsStaleNan(last.v) || histogram_is_newer) continue;
      newest.insert_or_assign(std::move(series.labels), last);
    }
  }
  return newest;
}

http::Response Federate(const FederateBackend& backend, const http::Request& request) {
  const Params params(request);
  const Result<std::map<Labels, Sample>> newest = Newest(backend, params);
  if (!newest) {
    const bool bad = newest.error().code() == StatusCode::kInvalidArgument;
    return http::Response::Text(bad ? 400 : 500, std::string(newest.error().message()) + "\n");
  }
  std::vector<std::pair<const Labels*, Sample>> lines;
  for (const auto& [labels, sample] : *newest) lines.emplace_back(&labels, sample);
  std::ranges::stable_sort(lines, {}, [](const auto& line) { return line.first->metric_name(); });
  http::Response response;
  std::string_view family;
  for (const auto& [labels, sample] : lines) {
    if (labels->metric_name() != family) {
      family = labels->metric_name();
      response.body.append("# TYPE ");
      if (IsPlainMetricName(family)) {
        response.body.append(family);
      } else {
        AppendQuoted(family, &response.body);
      }
      response.body.append(" untyped\n");
    }
    AppendSeries(*labels, backend.external_labels, &response.body);
    response.body.append(" ").append(FormatSampleValue(sample.v)).append(" ");
    response.body.append(std::to_string(sample.t)).append("\n");
  }
  response.Set("Content-Type", kContentType);
  return response;
}

}  // namespace

void RegisterFederate(FederateBackend backend, http::Router* router) {
  const auto shared = std::make_shared<const FederateBackend>(std::move(backend));
  router->Handle("GET", "/federate",
                 [shared](const http::Request& request) { return Federate(*shared, request); });
}

}  // namespace tocsin::api
