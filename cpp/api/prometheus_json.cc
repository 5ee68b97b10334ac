#include "cpp/api/prometheus_json.h"

#include <utility>
#include <vector>

#include "cpp/api/errors.h"
#include "cpp/lib/json_texts.h"
#include "cpp/promql/result_json.h"

namespace tocsin::api {
namespace {

using lib::JsonWriter;

std::pair<std::string_view, int> ErrorType(StatusCode code) {
  switch (code) {
    case StatusCode::kInvalidArgument:
      return {"bad_data", 400};
    case StatusCode::kFailedPrecondition:
    case StatusCode::kResourceExhausted:
    case StatusCode::kUnsupported:
      return {"execution", 422};
    case StatusCode::kNotFound:
      return {"not_found", 404};
    case StatusCode::kCancelled:
      return {"canceled", 499};
    case StatusCode::kDeadlineExceeded:
      return {"timeout", 503};
    case StatusCode::kUnavailable:
      return {"unavailable", 500};
    default:
      return {"internal", 500};
  }
}

std::string ErrorJson(std::string_view type, std::string_view message) {
  JsonWriter w;
  w.BeginObject().Key("status").String("error").Key("errorType").String(type);
  w.Key("error").String(message).EndObject();
  return std::move(w).Take();
}

}  // namespace

http::Response PrometheusSuccess(std::string_view data, const std::vector<std::string>& warnings) {
  JsonWriter w;
  w.BeginObject().Key("status").String("success").Key("data").Raw(data);
  lib::WriteTextsIfAny("warnings", warnings, &w);
  w.EndObject();
  return http::Response::Json(200, std::move(w).Take());
}

http::Response PrometheusError(const Status& status) {
  const auto [type, code] = ErrorType(status.code());
  return http::Response::Json(code, ErrorJson(type, status.message()));
}

http::Response PrometheusBusy(const Status& status) {
  http::Response response =
      http::Response::Json(429, ErrorJson("too_many_requests", status.message()));
  response.Set("Retry-After", "1");
  return response;
}

http::Response PrometheusResult(const promql::QueryResult& result, std::string_view stats) {
  JsonWriter w;
  w.BeginObject().Key("status").String("success").Key("data").BeginObject();
  promql::WriteValue(result.value, &w);
  if (!stats.empty()) w.Key("stats").Raw(stats);
  w.EndObject();
  lib::WriteTextsIfAny("warnings", result.warnings, &w);
  lib::WriteTextsIfAny("infos", result.infos, &w);
  w.EndObject();
  return http::Response::Json(200, std::move(w).Take());
}

}  // namespace tocsin::api
