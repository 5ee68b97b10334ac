/// TraceQL explained to language models, a page a topic.

#pragma once

#include <string_view>

namespace tocsin::api {

/// "basic", "aggregates", "structural" or "metrics", as Markdown; an empty text for another topic.
std::string_view TraceQlDocs(std::string_view topic);

}  // namespace tocsin::api
