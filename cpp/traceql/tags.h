/// What there is to search for: the names of attributes, and the values of a field. Answers come
/// from the dictionaries of the blocks; rows are looked at only where a filter, a time range that
/// cuts a block, or hidden rows demand it.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/span_batch.h"
#include "cpp/traceql/ast.h"
#include "cpp/traceql/source.h"

namespace tocsin::traceql {

struct TagOptions {
  /// Unix nanoseconds, both included: spans that overlap this range count.
  uint64_t start = 0;
  uint64_t end = UINT64_MAX;
  /// Only spans that it holds count; null: all. Borrowed. REQUIRES: kind kFilter.
  const Spanset* filter = nullptr;
  size_t limit = 0;  ///< Of values, or of the names of each scope; 0: none.
  /// Of text in the answer. What is beyond is left out, the oldest first, and the answer says so.
  size_t max_bytes = size_t{4} << 20;
  /// Asked before each block and every few columns; what is not OK ends the search. May be empty.
  std::function<Status()> interrupted;
};

struct TagStats {
  uint64_t inspected_bytes = 0;  ///< Of dictionaries and codes that were looked at.
  uint32_t total_blocks = 0;
};

inline constexpr size_t kAttrScopes = 5;  ///< Of AttrScope.

struct TagNames {
  /// By AttrScope; sorted, each once.
  std::array<std::vector<std::string>, kAttrScopes> scopes;
  bool truncated = false;  ///< There may be more.
  TagStats stats;
};

/// The names of the attributes that spans have; of `scope` alone, or of all scopes. Here and below
/// a damaged block is left out, as by Search(); errors are those of the view and of `interrupted`.
Result<TagNames> FindTagNames(const SpanView& view, std::optional<AttrScope> scope,
                              const TagOptions& options);

enum class TagType : uint8_t { kString, kInt, kFloat, kBool, kKeyword };
/// "string", "int", "float", "bool", "keyword": as Tempo's clients know them.
std::string_view TagTypeName(TagType type);

struct TagValue {
  TagType type = TagType::kString;
  std::string text;

  friend auto operator<=>(const TagValue&, const TagValue&) = default;
};

struct TagValues {
  std::vector<TagValue> values;  ///< Sorted, each once. An array counts as its elements.
  bool truncated = false;
  TagStats stats;
};

/// The values that spans have in a field. Of `status` and `kind` the words of the language. None
/// for fields that nobody picks from a list: times, ids, numbers of the tree, bytes.
/// Of the trace's root: those of the root spans in the view's blocks.
Result<TagValues> FindTagValues(const SpanView& view, const Field& field,
                                const TagOptions& options);

/// The intrinsics that a client may offer for completion, in both spellings, sorted.
std::vector<std::string_view> IntrinsicTags();

/// The field that a client names in `/api/v2/search/tag/{name}/values`: an intrinsic, or an
/// attribute with its scope, or with only a dot. What stands behind the scope may hold any
/// character, in quotes or without. Unless `strict`, a bare name is an attribute of any scope.
/// kInvalidArgument for what is none of these.
Result<Field> ParseTagName(std::string_view name, bool strict);

}  // namespace tocsin::traceql
