/// The tag search that came before TraceQL: `tags=service.name=cart http.status_code=500`.

#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/base/status.h"

namespace tocsin::api {

/// The TraceQL spanset filter of a logfmt list of tags. A value is found as a part of the
/// attribute's, in any case; what looks like a number also equals one. `error`, `status.code`,
/// `name`, `root.name` and `root.service.name` are the span's and trace's own.
/// kInvalidArgument, with the byte, for what is no logfmt, and for a key that stands twice.
Result<std::string> TagsToTraceQl(std::string_view tags);
/// The same of tags that are apart already: keys and values.
Result<std::string> TagsToTraceQl(const std::vector<std::pair<std::string, std::string>>& tags);

/// The field, as traceql::ParseTagName() reads it, whose values version 1 of the API lists for a
/// tag: tags of the trace and the span's own have names of their own there.
std::string TagOfVersion1(std::string_view tag);

}  // namespace tocsin::api
