/// An MCP server (Model Context Protocol, streamable HTTP): language models ask for traces.
///
/// Stateless: no sessions, no streams, so every POST is answered with one JSON document. Protocol
/// versions 2025-03-26, 2025-06-18 and 2025-11-25. The tools ask the same paths that everybody
/// asks, in the short JSON for language models.

#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "cpp/http/router.h"

namespace tocsin::api {

struct McpBackend {
  std::string version;
  /// Called with the name of each tool that is used.
  std::function<void(std::string_view tool)> count;
};

/// POST /api/mcp: one JSON-RPC message; 202 without a body for notifications. 405 for GET (nothing
/// is ever pushed), 403 for a browser's request from another site, 400 for a version of the
/// protocol that is not spoken. `router` is where the tools ask and outlives its own use.
void RegisterMcp(McpBackend backend, http::Router* router);

}  // namespace tocsin::api
