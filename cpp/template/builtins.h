/// The functions that belong to the language, but for and, or, print and their kin, which need the
/// evaluator. Private to this folder.

#pragma once

#include <span>
#include <string>
#include <string_view>

#include "cpp/base/status.h"
#include "cpp/template/template.h"
#include "cpp/template/value.h"

namespace tocsin::tmpl::internal {

/// call, not, len, index, slice, eq, ne, lt, le, gt, ge.
const Functions& PureBuiltins();

/// What html and js do to a text.
std::string EscapeHtml(std::string_view text);
std::string EscapeJs(std::string_view text);

}  // namespace tocsin::tmpl::internal
