#include "storage/spans/live_columns.h"

#include <array>
#include <bit>
#include <utility>

namespace tocsin::storage {
namespace {

// How many different `value`s an attribute of that type can have in the batch.
size_t Domain(const SpanBatch& batch, ValueType type) {
  switch (type) {
    case ValueType::kString:
    case ValueType::kBytes:
    case ValueType::kComposite:
      return batch.strings.size();
    case ValueType::kBool:
      return 2;
    case ValueType::kInt:
      return batch.ints.size();
    case ValueType::kDouble:
      return batch.doubles.size();
    case ValueType::kEmpty:
      return 1;
  }
  return 0;
}

traceql::Value ValueOf(const SpanBatch& batch, ValueType type, uint32_t value) {
  traceql::Value result;
  result.type = type;
  switch (type) {
    case ValueType::kString:
    case ValueType::kBytes:
    case ValueType::kComposite:
      result.text = batch.strings[value];
      break;
    case ValueType::kBool:
      result.integer = value;
      break;
    case ValueType::kInt:
      result.integer = batch.ints[value];
      break;
    case ValueType::kDouble:
      result.number = batch.doubles[value];
      break;
    case ValueType::kEmpty:
      break;
  }
  return result;
}

template <class T>
void AppendBytes(std::string* out, T value) {
  const auto bytes = std::bit_cast<std::array<char, sizeof(T)>>(value);
  out->append(bytes.data(), bytes.size());
}

}  // namespace

void LiveColumnBuilder::BeginBatch(const SpanBatch& batch) {
  batch_ = &batch;
  for (std::vector<uint32_t>& memo : memo_) memo.clear();
}

uint32_t LiveColumnBuilder::CodeOf(ValueType type, uint32_t value) {
  std::vector<uint32_t>& memo = memo_[static_cast<size_t>(type)];
  if (memo.empty()) memo.resize(Domain(*batch_, type));
  uint32_t& code = memo[value];
  if (code == 0) code = Intern(ValueOf(*batch_, type, value));
  return code;
}

uint32_t LiveColumnBuilder::CodeOfInt(int64_t value) {
  traceql::Value v;
  v.type = ValueType::kInt;
  v.integer = value;
  return Intern(std::move(v));
}

uint32_t LiveColumnBuilder::CodeOfBytes(std::string_view bytes) {
  traceql::Value v;
  v.type = ValueType::kBytes;
  v.text = bytes;
  return Intern(std::move(v));
}

uint32_t LiveColumnBuilder::Intern(traceql::Value value) {
  // Doubles by their bits, so that NaN equals itself and -0 is not 0.
  std::string key(1, static_cast<char>(value.type));
  AppendBytes(&key, value.integer);
  AppendBytes(&key, value.number);
  key += value.text;
  const auto next = static_cast<uint32_t>(column_->values.size() + 1);
  const auto [it, is_new] = codes_.try_emplace(std::move(key), next);
  if (is_new) column_->values.push_back(std::move(value));
  return it->second;
}

LiveAttribute::LiveAttribute(const SpanBatch& batch, std::string_view key) : batch_(batch) {
  wanted_.resize(batch.keys.size());
  for (size_t i = 0; i < batch.keys.size(); ++i) {
    wanted_[i] = batch.strings[batch.keys[i].name] == key;
    present_ = present_ || wanted_[i];
  }
}

const SpanBatch::Attr* LiveAttribute::Find(SpanBatch::AttrRange range) const {
  for (uint32_t i = range.begin; i < range.end; ++i) {
    if (wanted_[batch_.attrs[i].key]) return &batch_.attrs[i];
  }
  return nullptr;
}

}  // namespace tocsin::storage
