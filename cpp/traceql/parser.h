/// TraceQL text to a checked tree.
///
/// The dialect is Tempo's, with these additions unless `strict` is set: a bare dotted word is an
/// attribute in any scope (`{ service.name = "api" }` is `{ .service.name = "api" }`), letters may
/// be joined by hyphens in it, and the words of status and kind (`error`, `client`, ...) are
/// attributes too, except opposite a status or a kind. `!{ .a }` is every span of the traces in
/// which no span is `{ .a }`, by() takes several expressions, and pipelines in parentheses combine
/// with filters.

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

/// The tree of a text that follows the grammar; what is no query is kInvalidArgument
/// `parse error at line 1, col 3: ...`. Types are not known and regular expressions not compiled.
Result<Query> ParseSyntax(std::string_view text, const ParseOptions& options = {});

/// ParseSyntax and Validate: a query that can be evaluated. Every refusal is kInvalidArgument
/// `parse error at line 1, col 3: ...`.
Result<Query> Parse(std::string_view text, const ParseOptions& options = {});

}  // namespace tocsin::traceql
