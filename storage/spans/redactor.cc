#include "storage/spans/redactor.h"

#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cpp/base/format.h"
#include "cpp/model/span_batch_builder.h"

namespace tocsin::storage {
namespace {

bool HoldsFor(const Redaction& what, AttrScope scope) {
  return !what.scope || *what.scope == scope;
}

// As Redaction::value has it; nullopt for lists and for no value.
std::optional<std::string> TextOf(const traceql::Value& value) {
  switch (value.type) {
    case ValueType::kString:
    case ValueType::kBytes:
      return value.text;
    case ValueType::kBool:
      return value.integer != 0 ? "true" : "false";
    case ValueType::kInt:
      return std::to_string(value.integer);
    case ValueType::kDouble:
      return FormatGoFloat(value.number);
    default:
      return std::nullopt;
  }
}

traceql::Value ValueOf(const SpanBatch& batch, const SpanBatch::Attr& attr) {
  traceql::Value value;
  value.type = batch.keys[attr.key].type;
  if (value.type == ValueType::kInt) {
    value.integer = batch.ints[attr.value];
  } else if (value.type == ValueType::kBool) {
    value.integer = attr.value;
  } else if (value.type == ValueType::kDouble) {
    value.number = batch.doubles[attr.value];
  } else if (value.type != ValueType::kEmpty) {
    value.text = std::string(batch.strings[attr.value]);
  }
  return value;
}

// Takes one redaction out of the attribute lists of a batch.
class Stripper {
 public:
  Stripper(SpanBatch* batch, uint32_t first, const SegmentRedaction& redaction)
      : batch_(*batch), first_(first), redaction_(redaction), is_key_(batch->keys.size()) {
    for (size_t i = 0; i < is_key_.size(); ++i) {
      is_key_[i] = batch->strings[batch->keys[i].name] == redaction.what->key;
    }
  }

  void Strip() {
    // The lists of spans come first in a batch.
    for (uint32_t row = 0; row < batch_.rows(); ++row) {
      const SpanBatch::AttrRange range{batch_.attr_begin[row], batch_.attr_begin[row + 1]};
      begins_.push_back(Copy(range, Strips(AttrScope::kSpan, row)).begin);
    }
    begins_.push_back(static_cast<uint32_t>(attrs_.size()));
    for (uint32_t row = 0; row < batch_.rows(); ++row) {
      for (uint32_t i = batch_.event_begin[row]; i < batch_.event_begin[row + 1]; ++i) {
        batch_.events[i].attrs = Copy(batch_.events[i].attrs, Strips(AttrScope::kEvent, row));
      }
      for (uint32_t i = batch_.link_begin[row]; i < batch_.link_begin[row + 1]; ++i) {
        batch_.links[i].attrs = Copy(batch_.links[i].attrs, Strips(AttrScope::kLink, row));
      }
    }
    // Rows that are not concerned may have the same scope and resource: the others get copies.
    const std::vector<SpanBatch::Resource> resources = batch_.resources;
    const std::vector<SpanBatch::Scope> scopes = batch_.scopes;
    for (auto& resource : batch_.resources) resource.attrs = Copy(resource.attrs, false);
    for (auto& scope : batch_.scopes) scope.attrs = Copy(scope.attrs, false);
    for (uint32_t row = 0; row < batch_.rows(); ++row) {
      if (IsConcerned(row)) batch_.scope[row] = StrippedScope(resources, scopes, batch_.scope[row]);
    }
    batch_.attrs = std::move(attrs_);
    batch_.attr_begin = std::move(begins_);
  }

 private:
  bool IsConcerned(uint32_t row) const {
    return redaction_.rows == nullptr || redaction_.rows->Test(first_ + row);
  }
  bool Strips(AttrScope scope, uint32_t row) const {
    return HoldsFor(*redaction_.what, scope) && IsConcerned(row);
  }

  uint32_t StrippedScope(const std::vector<SpanBatch::Resource>& resources,
                         const std::vector<SpanBatch::Scope>& scopes, uint32_t index) {
    const auto [it, added] =
        stripped_scopes_.try_emplace(index, static_cast<uint32_t>(batch_.scopes.size()));
    if (!added) return it->second;
    SpanBatch::Scope scope = scopes[index];
    scope.attrs = Copy(scope.attrs, HoldsFor(*redaction_.what, AttrScope::kInstrumentation));
    const auto [known, is_new] = stripped_resources_.try_emplace(
        scope.resource, static_cast<uint32_t>(batch_.resources.size()));
    if (is_new) {
      SpanBatch::Resource resource = resources[scope.resource];
      resource.attrs = Copy(resource.attrs, HoldsFor(*redaction_.what, AttrScope::kResource));
      batch_.resources.push_back(resource);
    }
    scope.resource = known->second;
    batch_.scopes.push_back(scope);
    return it->second;
  }

  // Of a list of the old attributes the new one.
  SpanBatch::AttrRange Copy(SpanBatch::AttrRange range, bool strip) {
    strip = strip && Matches(range);
    SpanBatch::AttrRange copy{static_cast<uint32_t>(attrs_.size()), 0};
    for (uint32_t i = range.begin; i < range.end; ++i) {
      if (!strip || !is_key_[batch_.attrs[i].key]) attrs_.push_back(batch_.attrs[i]);
    }
    copy.end = static_cast<uint32_t>(attrs_.size());
    return copy;
  }

  bool Matches(SpanBatch::AttrRange range) const {
    for (uint32_t i = range.begin; i < range.end; ++i) {
      const SpanBatch::Attr& attr = batch_.attrs[i];
      if (!is_key_[attr.key]) continue;
      const auto& value = redaction_.what->value;
      return !value || TextOf(ValueOf(batch_, attr)) == *value;
    }
    return false;
  }

  SpanBatch& batch_;
  const uint32_t first_;
  const SegmentRedaction& redaction_;
  std::vector<bool> is_key_;
  std::vector<SpanBatch::Attr> attrs_;
  std::vector<uint32_t> begins_;
  std::unordered_map<uint32_t, uint32_t> stripped_scopes_;
  std::unordered_map<uint32_t, uint32_t> stripped_resources_;
};

}  // namespace

bool IsRedacted(const SegmentRedactions& list, AttrScope scope, std::string_view key) {
  for (const SegmentRedaction& redaction : list) {
    if (HoldsFor(*redaction.what, scope) && redaction.what->key == key) return true;
  }
  return false;
}

traceql::Column RedactColumn(const traceql::Column& column, const SegmentRedactions& list,
                             AttrScope scope, std::string_view key) {
  traceql::Column redacted;
  redacted.codes = column.codes;
  redacted.owner = column.owner;
  for (const auto& [what, rows] : list) {
    if (!HoldsFor(*what, scope) || what->key != key) continue;
    std::vector<bool> goes(column.values.size(), true);
    for (size_t i = 0; what->value && i < goes.size(); ++i) {
      goes[i] = TextOf(column.values[i]) == *what->value;
    }
    for (uint32_t i = 0; i < redacted.codes.size(); ++i) {
      uint32_t& code = redacted.codes[i];
      if (code == 0 || !goes[code - 1]) continue;
      const uint32_t row = column.owner.empty() ? i : column.owner[i];
      if (rows == nullptr || rows->Test(row)) code = 0;
    }
  }
  std::vector<uint32_t> new_code(column.values.size());
  for (uint32_t& code : redacted.codes) {
    if (code == 0) continue;
    uint32_t& renamed = new_code[code - 1];
    if (renamed == 0) {
      redacted.values.push_back(column.values[code - 1]);
      renamed = static_cast<uint32_t>(redacted.values.size());
    }
    code = renamed;
  }
  return redacted;
}

SpanBatch RedactRows(const SpanBatch& rows, uint32_t first, const SegmentRedactions& list) {
  SpanBatch stripped = rows;
  for (const SegmentRedaction& redaction : list) Stripper(&stripped, first, redaction).Strip();
  // A batch of its own: the texts that nothing names any more stay behind.
  SpanBatchBuilder rest;
  rest.Reserve(stripped.rows());
  for (uint32_t row = 0; row < stripped.rows(); ++row) rest.CopyRow(stripped, row);
  return std::move(rest).Finish();
}

}  // namespace tocsin::storage
