#include "cpp/api/mcp.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "cpp/api/mcp_tools.h"
#include "cpp/base/clock.h"
#include "cpp/lib/json.h"

namespace tocsin::api {
namespace {

using lib::Json;
using lib::JsonWriter;

constexpr std::array<std::string_view, 3> kVersions = {"2025-11-25", "2025-06-18", "2025-03-26"};
constexpr std::string_view kInstructions =
    "Distributed traces. Ask for attribute names and values first, then search or compute metrics "
    "with TraceQL (docs-traceql explains it), then read single traces.";

// As JSON-RPC 2.0 numbers them.
constexpr int kParseError = -32700;
constexpr int kInvalidRequest = -32600;
constexpr int kMethodNotFound = -32601;
constexpr int kInvalidParams = -32602;

void WriteId(const Json* id, JsonWriter* w) {
  w->Key("id");
  if (id != nullptr && id->type == Json::Type::kString) {
    w->String(id->string);
  } else if (id != nullptr && id->type == Json::Type::kInt) {
    w->Int(id->integer);
  } else if (id != nullptr && id->type == Json::Type::kDouble) {
    w->Double(id->number);
  } else {
    w->Null();
  }
}

http::Response ErrorAnswer(int status, const Json* id, int code, std::string_view message) {
  JsonWriter w;
  w.BeginObject().Key("jsonrpc").String("2.0");
  WriteId(id, &w);
  w.Key("error").BeginObject().Key("code").Int(code).Key("message").String(message);
  w.EndObject().EndObject();
  return http::Response::Json(status, std::move(w).Take());
}

http::Response ResultAnswer(const Json* id, std::string_view result) {
  JsonWriter w;
  w.BeginObject().Key("jsonrpc").String("2.0");
  WriteId(id, &w);
  w.Key("result").Raw(result).EndObject();
  return http::Response::Json(200, std::move(w).Take());
}

// The host of "scheme://host:port/..." or "host:port".
std::string_view HostOf(std::string_view url) {
  if (const size_t scheme = url.find("://"); scheme != std::string_view::npos) {
    url.remove_prefix(scheme + 3);
  }
  url = url.substr(0, url.find('/'));
  if (url.starts_with('[')) return url.substr(0, url.find(']') + 1);
  return url.substr(0, url.find(':'));
}

bool IsAddress(std::string_view host) {
  return host.starts_with('[') || host.find_first_not_of("0123456789.") == std::string_view::npos;
}

// A browser tells the site whose script asks. One that has been lured here by a name that resolves
// to this machine would otherwise read traces on behalf of that site; so that the name is the same
// as in the address asked says nothing, unless it is no name.
bool FromAnotherSite(const http::Request& request) {
  const std::string_view origin = request.Header("origin");
  if (origin.empty()) return false;
  const std::string_view host = HostOf(origin);
  if (host == "localhost" || host == "127.0.0.1" || host == "[::1]") return false;
  return !IsAddress(host) || host != HostOf(request.Header("host"));
}

std::string ToolList() {
  JsonWriter w;
  w.BeginObject().Key("tools").BeginArray();
  for (const McpTool& tool : McpTools()) {
    w.BeginObject().Key("name").String(tool.name).Key("description").String(tool.description);
    w.Key("inputSchema").Raw(tool.schema);
    w.Key("annotations").BeginObject().Key("readOnlyHint").Bool(true).EndObject().EndObject();
  }
  w.EndArray().EndObject();
  return std::move(w).Take();
}

class Mcp {
 public:
  Mcp(McpBackend backend, const http::Router* router)
      : backend_(std::move(backend)), router_(*router) {}

  http::Response Answer(const http::Request& request) const {
    if (FromAnotherSite(request)) {
      return http::Response::Text(403, "requests from other sites are not answered\n");
    }
    const std::string_view version = request.Header("mcp-protocol-version");
    if (!version.empty() && std::ranges::find(kVersions, version) == kVersions.end()) {
      return ErrorAnswer(400, nullptr, kInvalidRequest,
                         "unsupported protocol version \"" + std::string(version) + "\"");
    }
    const Result<Json> message = Json::Parse(request.body);
    if (!message) return ErrorAnswer(400, nullptr, kParseError, message.error().message());
    const Json* const method = message->Find("method");
    const Json* const id = message->Find("id");
    const Json* const rpc = message->Find("jsonrpc");
    if (rpc == nullptr || rpc->string != "2.0") {
      return ErrorAnswer(400, id, kInvalidRequest, "one JSON-RPC 2.0 message is expected");
    }
    // Notifications, and answers to what was never asked.
    if (method == nullptr || id == nullptr) return http::Response{202, {}, ""};
    return Handle(method->string, id, *message, request);
  }

 private:
  http::Response Handle(std::string_view method, const Json* id, const Json& message,
                        const http::Request& request) const {
    static const Json* const nothing = new Json();
    const Json* params = message.Find("params");
    if (params == nullptr) params = nothing;
    if (method == "initialize") return ResultAnswer(id, Initialize(*params));
    if (method == "ping") return ResultAnswer(id, "{}");
    if (method == "tools/list") return ResultAnswer(id, ToolList());
    if (method == "tools/call") return CallTool(id, *params, request);
    return ErrorAnswer(200, id, kMethodNotFound, "no such method: " + std::string(method));
  }

  std::string Initialize(const Json& params) const {
    const Json* const asked = params.Find("protocolVersion");
    const std::string_view wanted = asked == nullptr ? "" : asked->StringOr("");
    const bool spoken = std::ranges::find(kVersions, wanted) != kVersions.end();
    JsonWriter w;
    w.BeginObject().Key("protocolVersion").String(spoken ? wanted : kVersions.front());
    w.Key("capabilities").BeginObject().Key("tools").BeginObject();
    w.Key("listChanged").Bool(false).EndObject().EndObject();
    w.Key("serverInfo").BeginObject().Key("name").String("tocsin");
    w.Key("version").String(backend_.version).EndObject();
    w.Key("instructions").String(kInstructions).EndObject();
    return std::move(w).Take();
  }

  http::Response CallTool(const Json* id, const Json& params, const http::Request& request) const {
    const Json* const name = params.Find("name");
    const std::string_view tool = name == nullptr ? "" : name->StringOr("");
    const McpCall call = McpToolNamed(tool, router_, request, Clock::Real().Now());
    if (call == nullptr) {
      return ErrorAnswer(200, id, kInvalidParams, "unknown tool: " + std::string(tool));
    }
    backend_.count(tool);
    const Json* const arguments = params.Find("arguments");
    const Result<McpAnswer> answer = call(arguments == nullptr ? params : *arguments);
    JsonWriter w;
    w.BeginObject();
    if (answer) {
      w.Key("_meta").BeginObject().Key("type").String(answer->type);
      w.Key("encoding").String(answer->encoding);
      w.Key("version").String(answer->version).EndObject();
    }
    w.Key("content").BeginArray().BeginObject().Key("type").String("text");
    w.Key("text").String(answer ? std::string_view(answer->text) : answer.error().message());
    w.EndObject().EndArray().Key("isError").Bool(!answer.has_value()).EndObject();
    return ResultAnswer(id, w.text());
  }

  const McpBackend backend_;
  const http::Router& router_;
};

}  // namespace

void RegisterMcp(McpBackend backend, http::Router* router) {
  const auto mcp = std::make_shared<const Mcp>(std::move(backend), router);
  router->Handle("POST", "/api/mcp",
                 [mcp](const http::Request& request) { return mcp->Answer(request); });
}

}  // namespace tocsin::api
