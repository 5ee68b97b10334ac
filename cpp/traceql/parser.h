/// TraceQL text to a checked tree.
///
/// The dialect is Tempo's, with these additions unless `strict` is set: a bare dotted word is an
/// attribute in any scope (`{ service.name = "api" }` is `{ .service.name = "api" }`), letters may
/// be joined by hyphens in it, and the words of status and kind (`error`, `client`, ...) are
/// attributes too, except opposite a status or a kind.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "cpp/base/status.h"
#include "cpp/traceql/ast.h"

namespace tocsin::traceql {

struct ParseOptions {
  bool strict = false;
  size_t max_bytes = size_t{128} * 1024;
};

/// How deep operations and parentheses may nest. Chains of one `&&` or `||` count once.
inline constexpr uint32_t kMaxDepth = 200;
/// Different attributes and intrinsics in one query.
inline constexpr size_t kMaxFields = 500;

/// Parses and checks types. Every refusal is kInvalidArgument `parse error at line 1, col 3: ...`;
/// constructs of the language that this version does not evaluate are refused by name.
Result<Query> Parse(std::string_view text, const ParseOptions& options = {});

}  // namespace tocsin::traceql
