/// What a language model may ask for: the tools of the MCP server.

#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/http/router.h"
#include "cpp/lib/json.h"

namespace tocsin::api {

struct McpAnswer {
  std::string text;
  std::string_view type;      ///< "trace", "search-results", ...
  std::string_view encoding;  ///< "json" or "markdown".
  std::string_view version;
};

struct McpTool {
  std::string_view name;
  std::string_view description;
  std::string_view schema;  ///< JSON schema of the arguments.
};

/// In the order of the list that clients are given.
const std::vector<McpTool>& McpTools();

/// Runs a tool; nullptr for an unknown name. What it fails with is told to the model, which may
/// then ask better.
using McpCall = std::function<Result<McpAnswer>(const lib::Json& arguments)>;

/// `request`: of the client, for whether it still waits. Borrows both while it is called.
McpCall McpToolNamed(std::string_view name, const http::Router& router,
                     const http::Request& request, Nanos now);

}  // namespace tocsin::api
