#include "cpp/api/jaeger_metrics.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/api/jaeger_json.h"
#include "cpp/api/jaeger_params.h"
#include "cpp/api/jaeger_read.h"
#include "cpp/base/format.h"
#include "cpp/base/rfc3339.h"
#include "cpp/lib/json.h"
#include "cpp/traceql/metrics.h"
#include "cpp/traceql/words.h"

namespace tocsin::api {
namespace {

using lib::JsonWriter;

// Of one answer, as of a PromQL query.
constexpr int64_t kMaxPoints = 11'000;

enum class Measure : uint8_t { kCalls, kErrors, kLatencies };

struct MetricsQuestion {
  std::vector<std::string> services;
  std::vector<std::string> kinds = {"server"};
  bool by_operation = false;
  double quantile = 0;  // Of kLatencies.
  Nanos rate_per = 10 * kMinute;
  traceql::MetricsOptions options;

  std::string Filter() const {
    std::string of_services;
    for (const std::string& service : services) {
      if (!of_services.empty()) of_services.append(" || ");
      of_services.append(JaegerServiceCondition(service));
    }
    std::string of_kinds;
    for (const std::string& kind : kinds) {
      if (!of_kinds.empty()) of_kinds.append(" || ");
      of_kinds.append("kind = ").append(kind);
    }
    return "{ (" + of_services + ") && (" + of_kinds + ") }";
  }

  bool IsOf(const std::string& service) const {
    return std::ranges::find(services, service) != services.end();
  }

  std::string By() const {
    return std::string("by(resource.service.name") + (by_operation ? ", name" : "");
  }
};

Result<std::string> ParseKind(const std::string& text) {
  if (traceql::FindKind(text)) return text;
  return BadJaegerParam("spanKind", InvalidArgumentError("unsupported span kind: '" + text + "'"));
}

Status ReadNames(const http::Request& request, MetricsQuestion* question) {
  std::vector<std::string> kinds;
  for (const auto& [name, value] : request.query) {
    if (name == "service") question->services.push_back(value);
    if (name == "spanKind") {
      TOCSIN_ASSIGN_OR_RETURN(std::string kind, ParseKind(value));
      kinds.push_back(std::move(kind));
    }
  }
  if (!kinds.empty()) question->kinds = std::move(kinds);
  if (!question->services.empty()) return {};
  return BadJaegerParam("service",
                        InvalidArgumentError("please provide at least one service name"));
}

// A length of time above 0, in milliseconds.
Result<Nanos> ReadLength(const http::Request& request, std::string_view name, Nanos otherwise) {
  TOCSIN_ASSIGN_OR_RETURN(const auto length, ReadJaegerTime(request, name, kMillisecond));
  if (!length) return otherwise;
  if (*length > 0) return *length;
  return BadJaegerParam(name, InvalidArgumentError("must be greater than 0"));
}

Status ReadTimes(const http::Request& request, Nanos now, MetricsQuestion* question) {
  TOCSIN_ASSIGN_OR_RETURN(const auto end, ReadJaegerTime(request, "endTs", kMillisecond));
  TOCSIN_ASSIGN_OR_RETURN(const Nanos lookback, ReadLength(request, "lookback", kHour));
  TOCSIN_ASSIGN_OR_RETURN(const Nanos step, ReadLength(request, "step", 5 * kSecond));
  TOCSIN_ASSIGN_OR_RETURN(question->rate_per, ReadLength(request, "ratePer", 10 * kMinute));
  const int64_t points = lookback / step + 1;
  if (points > kMaxPoints) {
    return BadJaegerParam(
        "step", InvalidArgumentError("more than " + std::to_string(kMaxPoints) + " points"));
  }
  traceql::SlidingWindows windows;
  windows.first = end.value_or(now) - (points - 1) * step;
  windows.step = step;
  windows.count = static_cast<uint32_t>(points);
  windows.length = question->rate_per;
  if (windows.first < 0) {
    return BadJaegerParam("lookback", InvalidArgumentError("reaches back before 1970"));
  }
  question->options.sliding = windows;
  return {};
}

Result<MetricsQuestion> Read(const http::Request& request, Measure measure, Nanos now) {
  MetricsQuestion question;
  if (measure == Measure::kLatencies) {
    const std::string_view text = JaegerText(request, "quantile");
    const std::optional<double> quantile = ParseGoFloat(text);
    if (!quantile) {
      return BadJaegerParam("quantile", NotParsed("ParseFloat", text, "invalid syntax"));
    }
    if (!(*quantile >= 0 && *quantile <= 1)) {
      return BadJaegerParam("quantile", InvalidArgumentError("must be from 0 to 1"));
    }
    question.quantile = *quantile;
  }
  TOCSIN_RETURN_IF_ERROR(ReadNames(request, &question));
  TOCSIN_ASSIGN_OR_RETURN(question.by_operation, ReadJaegerBool(request, "groupByOperation"));
  TOCSIN_RETURN_IF_ERROR(ReadTimes(request, now, &question));
  return question;
}

struct Labels {
  std::string operation;
  std::string service;

  friend auto operator<=>(const Labels&, const Labels&) = default;
};

struct Curve {
  std::vector<double> values;  // NaN: no point.
  std::vector<double> errors;  // Of kErrors; NaN: none.
};

using Curves = std::map<Labels, Curve>;

// `to` becomes the sum where `from` has a value.
void AddValues(const std::vector<double>& from, std::vector<double>* to) {
  to->resize(from.size(), NAN);
  for (size_t i = 0; i < from.size(); ++i) {
    if (std::isnan(from[i])) continue;
    (*to)[i] = std::isnan((*to)[i]) ? from[i] : (*to)[i] + from[i];
  }
}

// The curve that a series belongs to; `*failed`: it counts spans with errors.
Curve* CurveOf(const traceql::MetricsSeries& series, const MetricsQuestion& question,
               Curves* curves, bool* failed) {
  Labels labels;
  labels.service = kNoServiceName;  // Whatever stands where there is none: nobody asked for it.
  for (const traceql::MetricsLabel& label : series.labels) {
    std::string text = traceql::LabelText(label.value);
    if (label.name == "status") *failed = text == "error";
    if (label.name == "resource.service.name" && question.IsOf(text)) labels.service = text;
    if (label.name == "name") labels.operation = text;
  }
  return &(*curves)[labels];
}

void WriteCurve(const Labels& labels, const Curve& curve, const MetricsQuestion& question,
                Measure measure, JsonWriter* w) {
  w->BeginObject().Key("labels").BeginArray();
  const auto label = [&](std::string_view name, std::string_view value) {
    w->BeginObject().Key("name").String(name).Key("value").String(value).EndObject();
  };
  if (question.by_operation) label("operation", labels.operation);
  label("service_name", labels.service);
  w->EndArray().Key("metricPoints").BeginArray();
  const traceql::SlidingWindows& windows = *question.options.sliding;
  for (size_t i = 0; i < curve.values.size(); ++i) {
    double value = curve.values[i];
    if (!std::isfinite(value)) continue;
    if (measure == Measure::kErrors) {
      const bool none = i >= curve.errors.size() || std::isnan(curve.errors[i]);
      value = none ? 0 : curve.errors[i] / value;
    } else if (measure == Measure::kLatencies) {
      value *= 1000;
    } else {
      value /= static_cast<double>(question.rate_per) / kSecond;
    }
    w->BeginObject().Key("gaugeValue").BeginObject().Key("doubleValue").Double(value).EndObject();
    w->Key("timestamp")
        .String(FormatRfc3339(windows.first + static_cast<int64_t>(i) * windows.step));
    w->EndObject();
  }
  w->EndArray().EndObject();
}

std::string FamilyJson(const Curves& curves, const MetricsQuestion& question, Measure measure) {
  const std::string prefix = question.by_operation ? "service_operation_" : "service_";
  const std::string grouped =
      std::string(", grouped by service") + (question.by_operation ? " & operation" : "");
  JsonWriter w;
  w.BeginObject();
  switch (measure) {
    case Measure::kCalls:
      w.Key("name").String(prefix + "call_rate").Key("type").String("GAUGE");
      w.Key("help").String("calls/sec" + grouped);
      break;
    case Measure::kErrors:
      w.Key("name").String(prefix + "error_rate").Key("type").String("GAUGE");
      w.Key("help").String("error rate, computed as a fraction of errors/sec over calls/sec" +
                           grouped);
      break;
    case Measure::kLatencies:
      w.Key("name").String(prefix + "latencies").Key("type").String("GAUGE");
      w.Key("help").String(FormatGoFixed(question.quantile, 2) + "th quantile latency" + grouped);
      break;
  }
  w.Key("metrics").BeginArray();
  for (const auto& [labels, curve] : curves) WriteCurve(labels, curve, question, measure, &w);
  w.EndArray().EndObject();
  return std::move(w).Take();
}

http::Response Answer(const TempoQueries& queries, const http::Request& request, Measure measure) {
  const Result<MetricsQuestion> question = Read(request, measure, Clock::Real().Now());
  if (!question) return JaegerRefusal(question.error());
  std::string query = question->Filter();
  if (measure == Measure::kLatencies) {
    query.append(" | quantile_over_time(duration, ").append(FormatGoFixed(question->quantile));
    query.append(") ").append(question->By()).append(")");
  } else {
    query.append(" | count_over_time() ").append(question->By()).append(", status)");
  }
  const auto result =
      queries.Measure(query, question->options,
                      queries.InterruptedWhen([&request] { return request.Cancelled(); }));
  if (!result) return JaegerRefusal(result.error());
  Curves curves;
  for (const traceql::MetricsSeries& series : result->series) {
    bool failed = false;
    Curve* const curve = CurveOf(series, *question, &curves, &failed);
    AddValues(series.values, &curve->values);
    if (failed) AddValues(series.values, &curve->errors);
  }
  return http::Response::Json(200, FamilyJson(curves, *question, measure));
}

}  // namespace

void RegisterJaegerMetrics(const TempoQueries& queries, http::Router* router) {
  const auto handle = [&](std::string_view name, Measure measure) {
    router->Handle("GET", "/jaeger/api/metrics/" + std::string(name),
                   [&queries, measure](const http::Request& request) {
                     return Answer(queries, request, measure);
                   });
  };
  handle("calls", Measure::kCalls);
  handle("errors", Measure::kErrors);
  handle("latencies", Measure::kLatencies);
  // Milliseconds.
  router->Handle("GET", "/jaeger/api/metrics/minstep",
                 [](const http::Request&) { return JaegerAnswer("1", 0); });
}

}  // namespace tocsin::api
