#include "cpp/api/openapi.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

#include "cpp/api/params.h"
#include "cpp/http/message.h"

namespace tocsin::api {
namespace {

struct Parameter {
  std::string_view name;
  std::string_view type;  // "strings": it may be given several times.
  std::string_view meaning;
};

// A name means the same wherever it occurs.
constexpr auto kParameters = std::to_array<Parameter>({
    {"batch_size", "integer", "The most results of one line."},
    {"case_sensitive", "boolean", "By default true."},
    {"end", "string", "Unix seconds or RFC 3339."},
    {"exclude_alerts", "boolean", "Rules without their alerts."},
    {"file[]", "strings", "The file of a rule group."},
    {"fuzz_alg", "string", "subsequence (by default) or jarowinkler."},
    {"fuzz_threshold", "integer", "0 to 100: how well a name must fit."},
    {"group_limit", "integer", "The most groups of one answer."},
    {"group_next_token", "string", "Where the last answer ended."},
    {"include_metadata", "boolean", "Type, help and unit too."},
    {"include_score", "boolean", "How well a name fits, too."},
    {"label", "string", "The name of a label."},
    {"labels", "string", "A label set, as a JSON object."},
    {"limit", "integer", "The most that is answered; 0: all."},
    {"limit_per_metric", "integer", "The most entries of one metric; 0: all."},
    {"lookback_delta", "string", "How old a sample may be: a duration or seconds."},
    {"match[]", "strings", "A series selector; of several each counts."},
    {"match_target", "string", "A selector of the targets' labels."},
    {"metric", "string", "The name of a metric."},
    {"metric_name_pattern", "string", "A regular expression for the whole name."},
    {"name", "string", "The name of a label."},
    {"query", "string", "A PromQL expression."},
    {"rule_group[]", "strings", "The name of a rule group."},
    {"rule_name[]", "strings", "The name of a rule."},
    {"scrape_pool", "string", "The name of a scrape job."},
    {"scrapePool", "string", "The name of a scrape job."},
    {"search[]", "strings", "What is typed; a name must fit one of them."},
    {"skip_head", "boolean", "Blocks only."},
    {"sort_by", "string", "alpha (by default) or score."},
    {"sort_dir", "string", "asc (by default) or dsc."},
    {"start", "string", "Unix seconds or RFC 3339."},
    {"state", "string", "active, dropped or any."},
    {"stats", "string", "What the query cost; \\\"all\\\": step by step too."},
    {"step", "string", "A duration or seconds."},
    {"time", "string", "Unix seconds or RFC 3339; by default now."},
    {"timeout", "string", "A duration."},
    {"type", "string", "alert or record."},
});

struct Path {
  std::string_view path;
  std::string_view methods;
  std::string_view parameters;  // Those that must be given end in '!'.
  std::string_view summary;
  std::string_view type = {};  // Of an answer that is not a Success.
};

constexpr auto kPaths = std::to_array<Path>({
    {"/query", "get post", "query! time timeout lookback_delta stats limit",
     "The value of an expression at one time"},
    {"/query_range", "get post", "query! start! end! step! timeout lookback_delta stats limit",
     "The values of an expression over a range of time"},
    {"/query_exemplars", "get post", "query! start end",
     "Exemplars of the series of an expression"},
    {"/format_query", "get post", "query!", "An expression, laid out"},
    {"/parse_query", "get post", "query!", "An expression as a tree"},
    {"/labels", "get post", "start end match[] limit", "The names of labels"},
    {"/label/{name}/values", "get", "name! start end match[] limit", "The values of a label"},
    {"/series", "get post", "start end match[]! limit", "Label sets of series"},
    {"/metadata", "get", "limit limit_per_metric metric", "Types, help and units of metrics"},
    {"/targets", "get", "state scrapePool", "What is scraped, and how that went"},
    {"/targets/metadata", "get", "match_target metric limit", "Metadata of metrics by target"},
    {"/targets/relabel_steps", "get", "scrapePool! labels!",
     "What each relabelling rule makes of a label set"},
    {"/scrape_pools", "get", "", "The names of the scrape jobs"},
    {"/scrape_pools/config", "get", "scrape_pool!", "The configuration of a scrape job"},
    {"/alertmanagers", "get", "", "Where alerts are sent"},
    {"/rules", "get",
     "type rule_name[] rule_group[] file[] match[] exclude_alerts group_limit group_next_token",
     "Rules and their alerts"},
    {"/alerts", "get", "", "Alerts that are pending or firing"},
    {"/features", "get", "", "What is built in"},
    {"/notifications", "get", "", "Messages to the operator"},
    {"/notifications/live", "get", "", "The same as events, as they come", "text/event-stream"},
    {"/search/metric_names", "get post",
     "search[] fuzz_alg fuzz_threshold case_sensitive sort_by sort_dir include_score "
     "include_metadata match[] start end limit batch_size",
     "Names of metrics that fit what is typed", "application/x-ndjson"},
    {"/search/label_names", "get post",
     "search[] fuzz_alg fuzz_threshold case_sensitive sort_by sort_dir include_score match[] start "
     "end limit batch_size",
     "Names of labels that fit what is typed", "application/x-ndjson"},
    {"/search/label_values", "get post",
     "label! search[] fuzz_alg fuzz_threshold case_sensitive sort_by sort_dir include_score "
     "match[] start end limit batch_size",
     "Values of a label that fit what is typed", "application/x-ndjson"},
    {"/status/buildinfo", "get", "", "The version"},
    {"/status/config", "get", "", "The configuration in effect"},
    {"/status/flags", "get", "", "The same in the words of flags"},
    {"/status/runtimeinfo", "get", "", "What is known of the process"},
    {"/status/self_metrics", "get", "metric_name_pattern", "Our own metrics"},
    {"/status/tsdb", "get", "limit", "What fills the store"},
    {"/status/tsdb/blocks", "get", "", "The blocks of the store"},
    {"/status/walreplay", "get", "", "How far the log was replayed"},
    {"/admin/tsdb/delete_series", "post put", "match[]! start end", "Deletes samples"},
    {"/admin/tsdb/clean_tombstones", "post put", "", "Gives back the room of deleted samples"},
    {"/admin/tsdb/snapshot", "post put", "skip_head", "Copies the store"},
});

// With a body of their own, and no form of answer in common with the rest.
struct Upload {
  std::string_view path;
  std::string_view type;
  std::string_view summary;
};

constexpr auto kUploads = std::to_array<Upload>({
    {"/write", "application/x-protobuf", "Takes samples: remote write 1.0 and 2.0"},
    {"/read", "application/x-protobuf", "Gives samples: remote read"},
    {"/otlp/v1/metrics", "application/x-protobuf", "Takes metrics of OpenTelemetry"},
});

constexpr std::string_view kComponents = R"(components:
  responses:
    Success:
      description: What was asked for.
      content:
        application/json:
          schema: {$ref: "#/components/schemas/Success"}
    Error:
      description: Why not.
      content:
        application/json:
          schema: {$ref: "#/components/schemas/Error"}
  schemas:
    Success:
      type: object
      required: [status, data]
      properties:
        status: {type: string, enum: [success]}
        data: {}
        warnings: {type: array, items: {type: string}}
        infos: {type: array, items: {type: string}}
    Error:
      type: object
      required: [status, errorType, error]
      properties:
        status: {type: string, enum: [error]}
        errorType: {type: string}
        error: {type: string}
)";

std::vector<std::string_view> Words(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

bool TakeMark(std::string_view* word) {
  if (!word->ends_with('!')) return false;
  word->remove_suffix(1);
  return true;
}

// "label_name_values_get" of "/label/{name}/values".
std::string OperationId(std::string_view path, std::string_view method) {
  std::string id;
  for (const char c : path.substr(1)) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      id += c;
    } else if (id.back() != '_') {
      id += '_';
    }
  }
  if (id.back() != '_') id += '_';
  return id.append(method);
}

class Document {
 public:
  Document(std::string_view openapi, std::string_view version) {
    Line(0, "openapi: ", openapi);
    Line(0, "info:");
    Line(2, "title: Tocsin, the Prometheus API");
    Line(2, "version: \"", version, "\"");
    Line(0, "servers:");
    Line(2, "- url: /api/v1");
    Line(0, "paths:");
    for (const Path& path : kPaths) Add(path);
    for (const Upload& upload : kUploads) Add(upload);
    text_ += kComponents;
  }
  std::string Take() && { return std::move(text_); }

 private:
  template <class... Parts>
  void Line(size_t indent, Parts... parts) {
    text_.append(indent, ' ');
    (text_.append(parts), ...);
    text_ += '\n';
  }

  void Begin(std::string_view path, std::string_view method, std::string_view summary) {
    Line(4, method, ":");
    Line(6, "operationId: ", std::string_view(OperationId(path, method)));
    Line(6, "summary: \"", summary, "\"");
  }

  void End(std::string_view success) {
    Line(6, "responses:");
    Line(8, success);
    Line(8, "default: {$ref: \"#/components/responses/Error\"}");
  }

  void Schema(size_t indent, const Parameter& parameter) {
    if (parameter.type == "strings") {
      Line(indent, "schema: {type: array, items: {type: string}}");
    } else {
      Line(indent, "schema: {type: ", parameter.type, "}");
    }
  }

  void Add(const Path& path) {
    Line(2, path.path, ":");
    for (const std::string_view method : Words(path.methods)) {
      Begin(path.path, method, path.summary);
      Parameters(path);
      End(path.type.empty() ? "\"200\": {$ref: \"#/components/responses/Success\"}"
                            : "\"200\": {description: Line by line., content: {" +
                                  std::string(path.type) + ": {}}}");
    }
  }

  // In the URL: there all methods take them.
  void Parameters(const Path& path) {
    const std::vector<std::string_view> words = Words(path.parameters);
    if (words.empty()) return;
    Line(6, "parameters:");
    for (std::string_view word : words) {
      const bool required = TakeMark(&word);
      const auto* const parameter = std::ranges::find(kParameters, word, &Parameter::name);
      const bool in_path = path.path.find("{" + std::string(word) + "}") != std::string_view::npos;
      Line(8, "- name: \"", word, "\"");
      Line(10, "in: ", in_path ? "path" : "query");
      Line(10, "description: \"", parameter->meaning, "\"");
      if (required) Line(10, "required: true");
      Schema(10, *parameter);
    }
  }

  void Add(const Upload& upload) {
    Line(2, upload.path, ":");
    Begin(upload.path, "post", upload.summary);
    Line(6, "requestBody:");
    Line(8, "required: true");
    Line(8, "content:");
    Line(10, upload.type, ": {}");
    End("\"2XX\": {description: Taken.}");
  }

  std::string text_;
};

}  // namespace

std::string OpenApiDocument(std::string_view openapi, std::string_view version) {
  return Document(openapi, version).Take();
}

void RegisterOpenApi(std::string_view version, http::Router* router) {
  router->Handle("GET", "/api/v1/openapi.yaml",
                 [version = std::string(version)](const http::Request& request) {
                   const std::string_view asked =
                       Params(request).Text("openapi_version").value_or("");
                   const bool newer = asked == "3.2" || asked == "3.2.0";
                   http::Response response = http::Response::Text(
                       200, OpenApiDocument(newer ? "3.2.0" : "3.1.0", version));
                   response.Set("Content-Type", "application/yaml; charset=utf-8");
                   return response;
                 });
}

}  // namespace tocsin::api
