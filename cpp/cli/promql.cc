#include "cpp/cli/promql.h"

#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "cpp/base/clock.h"
#include "cpp/base/duration.h"
#include "cpp/base/format.h"
#include "cpp/base/telemetry.h"
#include "cpp/base/url.h"
#include "cpp/cli/sample_text.h"
#include "cpp/cli/text.h"
#include "cpp/engine/engine.h"
#include "cpp/http/client.h"
#include "cpp/lib/json.h"
#include "cpp/lib/json_texts.h"
#include "cpp/promql/result_json.h"
#include "cpp/server/server_file.h"

namespace tocsin::cli {
namespace {

constexpr size_t kMaxAnswerBytes = size_t{1} << 30;
constexpr Millis kDefaultStep = 15'000;

struct Query {
  std::string expr;
  bool is_range = false;
  promql::TimeRange range;  // Of an instant query start is the time.
};

Result<Millis> MomentOf(const std::string& text, Nanos now) {
  TOCSIN_ASSIGN_OR_RETURN(const Nanos moment, ParseMoment(text, now));
  return moment / kMillisecond;
}

Result<Query> QueryOf(const Arguments& arguments) {
  const Nanos now = Clock::Real().Now();
  Query query;
  query.expr = arguments.positional.front();
  query.is_range = !arguments.start.empty();
  if (query.is_range ? !arguments.time.empty()
                     : !arguments.end.empty() || !arguments.step.empty()) {
    return InvalidArgumentError("either --time, or --start with --end and --step");
  }
  const std::string& start = query.is_range ? arguments.start : arguments.time;
  TOCSIN_ASSIGN_OR_RETURN(query.range.start, MomentOf(start.empty() ? "now" : start, now));
  if (!query.is_range) return query;
  TOCSIN_ASSIGN_OR_RETURN(query.range.end,
                          MomentOf(arguments.end.empty() ? "now" : arguments.end, now));
  query.range.step = kDefaultStep;
  if (arguments.step.empty()) return query;
  const std::optional<Nanos> period = ParsePeriod(arguments.step);
  const std::optional<double> seconds = ParseGoFloat(arguments.step);
  if (!period && !(seconds && *seconds > 0 && *seconds < 1e9)) {
    return InvalidArgumentError("--step takes a duration such as 15s, not \"" + arguments.step +
                                "\"");
  }
  query.range.step = period ? *period / kMillisecond : static_cast<Millis>(*seconds * 1000);
  return query;
}

std::string SecondsOf(Millis t) { return FormatGoFixed(static_cast<double>(t) / 1000); }

// The server's answer, whole.
Result<std::string> AskServer(const std::string& url, const Query& query) {
  http::ClientRequest request;
  request.max_response_bytes = kMaxAnswerBytes;
  request.timeout = 3 * kMinute;  // The server has its own, of two.
  const std::string expr = "query=" + EscapeQuery(query.expr);
  const std::string start = SecondsOf(query.range.start);
  request.url = query.is_range ? url + "/api/v1/query_range?" + expr + "&start=" + start +
                                     "&end=" + SecondsOf(query.range.end) +
                                     "&step=" + SecondsOf(query.range.step)
                               : url + "/api/v1/query?" + expr + "&time=" + start;
  TOCSIN_ASSIGN_OR_RETURN(http::Response response, http::Fetch(request));
  if (response.status == 200) return std::move(response.body);
  const Result<lib::Json> json = lib::Json::Parse(response.body);
  const lib::Json* error = json.has_value() ? json->Find("error") : nullptr;
  const std::string message(error != nullptr ? error->StringOr(response.body) : response.body);
  if (response.status == 400) return InvalidArgumentError(message);
  return UnavailableError("HTTP " + std::to_string(response.status) + ": " + message);
}

// The same answer from a directory that no server holds.
Result<std::string> AskEngine(engine::Engine& engine, const Query& query) {
  TOCSIN_ASSIGN_OR_RETURN(
      const promql::QueryResult result,
      query.is_range ? engine.promql().QueryRange(query.expr, engine.series(), query.range)
                     : engine.promql().Query(query.expr, engine.series(), query.range.start));
  lib::JsonWriter w;
  w.BeginObject().Key("status").String("success").Key("data").BeginObject();
  promql::WriteValue(result.value, &w);
  w.EndObject();
  lib::WriteTextsIfAny("warnings", result.warnings, &w);
  lib::WriteTextsIfAny("infos", result.infos, &w);
  w.EndObject();
  return std::move(w).Take();
}

Result<std::string> AskDirectory(const std::string& directory, const Query& query) {
  if (!std::filesystem::is_directory(directory)) {
    return NotFoundError("there is no data directory " + directory);
  }
  engine::EngineOptions options;
  options.path = directory;
  const Result<std::unique_ptr<engine::Engine>> engine =
      engine::Engine::Open(std::move(options), Clock::Real(), Telemetry::None());
  if (engine.has_value()) return AskEngine(**engine, query);
  if (engine.error().code() != StatusCode::kAlreadyExists) return Failure(engine.error());
  // A server holds it: that one knows.
  const Result<std::string> url = server::ReadServerUrl(directory);
  if (!url.has_value()) return Failure(engine.error());
  return AskServer(*url, query);
}

void PrintNotes(std::string_view kind, const lib::Json* notes) {
  if (notes == nullptr) return;
  for (const lib::Json& note : notes->array) {
    std::fprintf(stderr, "%s: %s\n", std::string(kind).c_str(),
                 std::string(note.StringOr("")).c_str());
  }
}

}  // namespace

Result<std::string> PromQl(const Arguments& arguments) {
  if (arguments.positional.size() != 1) {
    return InvalidArgumentError("tocsin promql takes one expression, in quotes");
  }
  const std::string format = arguments.format.empty() ? "table" : arguments.format;
  if (format != "table" && format != "json" && format != "csv") {
    return InvalidArgumentError("--format is table, json or csv, not \"" + format + "\"");
  }
  if (!arguments.path.empty() && arguments.url_given) {
    return InvalidArgumentError("either --path or --url");
  }
  TOCSIN_ASSIGN_OR_RETURN(const Query query, QueryOf(arguments));
  TOCSIN_ASSIGN_OR_RETURN(const std::string answer, arguments.path.empty()
                                                        ? AskServer(arguments.url, query)
                                                        : AskDirectory(arguments.path, query));
  if (format == "json") return answer + "\n";
  TOCSIN_ASSIGN_OR_RETURN(const lib::Json json, lib::Json::Parse(answer));
  PrintNotes("warning", json.Find("warnings"));
  PrintNotes("info", json.Find("infos"));
  const lib::Json* data = json.Find("data");
  TOCSIN_ASSIGN_OR_RETURN(const SampleRows rows, RowsOf(data != nullptr ? *data : json));
  return format == "csv" ? AsCsv(rows) : AsTable(rows);
}

}  // namespace tocsin::cli
