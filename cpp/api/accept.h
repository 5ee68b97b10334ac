/// What form of an answer a client asks for.

#pragma once

#include <string>

#include "cpp/http/message.h"

namespace tocsin::api {

inline constexpr std::string_view kProtobuf = "application/protobuf";
inline constexpr std::string_view kCompact = "application/vnd.grafana.llm";

inline bool WantsProtobuf(const http::Request& request) {
  return request.Header("accept").find(kProtobuf) != std::string_view::npos;
}

/// Short JSON for language models.
inline bool WantsCompact(const http::Request& request) {
  return request.Header("accept").find(kCompact) != std::string_view::npos;
}

inline http::Response CompactJson(std::string body) {
  http::Response response = http::Response::Json(200, std::move(body));
  response.Set("Content-Type", "application/vnd.grafana.llm+json");
  return response;
}

}  // namespace tocsin::api
