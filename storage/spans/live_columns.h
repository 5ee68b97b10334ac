/// Puts the values of several batches into one coded column.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cpp/base/hash.h"
#include "cpp/model/span_batch.h"
#include "cpp/traceql/source.h"

namespace tocsin::storage {

/// Builds one column, batch by batch. Not thread-safe.
class LiveColumnBuilder {
 public:
  LiveColumnBuilder() : column_(std::make_shared<traceql::Column>()) {}

  /// The batch that the following calls speak of. It must outlive them.
  void BeginBatch(const SpanBatch& batch);

  /// The code of a string of the batch.
  uint32_t CodeOfString(StringId id) { return CodeOf(ValueType::kString, id); }
  /// The code of an attribute's value: `value` as SpanBatch::Attr has it.
  uint32_t CodeOf(ValueType type, uint32_t value);
  uint32_t CodeOfInt(int64_t value);
  uint32_t CodeOfBytes(std::string_view bytes);

  void Push(uint32_t code) { column_->codes.push_back(code); }
  void Push(uint32_t code, uint32_t owner) {
    column_->codes.push_back(code);
    column_->owner.push_back(owner);
  }

  std::shared_ptr<const traceql::Column> Finish() && { return std::move(column_); }

 private:
  uint32_t Intern(traceql::Value value);

  std::shared_ptr<traceql::Column> column_;
  std::unordered_map<std::string, uint32_t, StringHash, std::equal_to<>> codes_;
  const SpanBatch* batch_ = nullptr;
  // By type: the code of each value of this batch, 0 while it is not known.
  std::vector<uint32_t> memo_[7];
};

/// The attribute of that key in each list of attributes of one batch. The first of a list counts.
class LiveAttribute {
 public:
  LiveAttribute(const SpanBatch& batch, std::string_view key);

  /// False if no attribute of the batch, in whatever scope, has that key.
  bool present() const { return present_; }

  /// The attribute in `range`; null if there is none.
  const SpanBatch::Attr* Find(SpanBatch::AttrRange range) const;

 private:
  const SpanBatch& batch_;
  std::vector<bool> wanted_;  // By index in batch.keys.
  bool present_ = false;
};

}  // namespace tocsin::storage
