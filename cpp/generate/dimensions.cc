#include "cpp/generate/dimensions.h"

#include <algorithm>
#include <array>
#include <utility>

#include "cpp/base/format.h"
#include "cpp/base/record.h"
#include "cpp/generate/entity_table.h"

namespace tocsin::generate {
namespace {

constexpr std::array<std::string_view, 5> kOwnLabels = {"service", "span_name", "span_kind",
                                                        "status_code", "status_message"};

bool StandsInLabel(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool HasText(ValueType type) {
  return type == ValueType::kString || type == ValueType::kBool || type == ValueType::kInt ||
         type == ValueType::kDouble;
}

}  // namespace

std::string DimensionLabel(std::string_view attribute) {
  std::string label(attribute);
  std::ranges::replace_if(label, [](char c) { return !StandsInLabel(c); }, '_');
  const bool taken = std::ranges::find(kOwnLabels, label) != kOwnLabels.end();
  return taken ? "__" + label : label;
}

DimensionReader::DimensionReader(std::vector<Dimension> dimensions)
    : dimensions_(std::move(dimensions)), of_span_(dimensions_.size()) {}

void DimensionReader::Begin(const SpanBatch& batch) {
  batch_ = &batch;
  uses_.assign(batch.keys.size(), {});
  for (size_t key = 0; key < batch.keys.size(); ++key) {
    if (!HasText(batch.keys[key].type)) continue;
    const std::string_view name = batch.strings[batch.keys[key].name];
    for (uint32_t d = 0; d < dimensions_.size(); ++d) {
      const auto& attributes = dimensions_[d].attributes;
      const auto found = std::ranges::find(attributes, name);
      if (found == attributes.end()) continue;
      uses_[key] = {d, static_cast<uint32_t>(found - attributes.begin())};
      break;
    }
  }
  of_resource_.assign(batch.resources.size() * dimensions_.size(), {});
  for (size_t r = 0; r < batch.resources.size(); ++r) {
    Choose(batch.resources[r].attrs, of_resource_.data() + r * dimensions_.size());
  }
}

void DimensionReader::Choose(SpanBatch::AttrRange range, Choice* choices) const {
  for (uint32_t i = range.begin; i < range.end; ++i) {
    const Use& use = uses_[batch_->attrs[i].key];
    // Of a key that stands twice in one list the first counts.
    if (use.dimension == kNone || use.rank >= choices[use.dimension].rank) continue;
    choices[use.dimension] = {use.rank, batch_->attrs[i]};
  }
}

void DimensionReader::AppendValue(const SpanBatch::Attr& attr) {
  switch (batch_->keys[attr.key].type) {
    case ValueType::kString:
      value_ = TruncateUtf8(batch_->strings[attr.value], kMaxLabelValueBytes);
      break;
    case ValueType::kBool:
      value_ = attr.value != 0 ? "true" : "false";
      break;
    case ValueType::kInt:
      value_ = std::to_string(batch_->ints[attr.value]);
      break;
    default:
      value_ = FormatGoFixed(batch_->doubles[attr.value]);
      break;
  }
}

std::string_view DimensionReader::Pack(uint32_t row) {
  std::ranges::fill(of_span_, Choice());
  Choose({batch_->attr_begin[row], batch_->attr_begin[row + 1]}, of_span_.data());
  const size_t resource = batch_->scopes[batch_->scope[row]].resource;
  packed_.clear();
  for (size_t d = 0; d < dimensions_.size(); ++d) {
    const Choice& inherited = of_resource_[resource * dimensions_.size() + d];
    const Choice& choice = inherited.rank != kNone ? inherited : of_span_[d];
    if (choice.rank == kNone) continue;
    AppendValue(choice.attr);
    if (value_.empty()) continue;
    PutVarint64(&packed_, dimensions_[d].label.size());
    packed_ += dimensions_[d].label;
    PutVarint64(&packed_, value_.size());
    packed_ += value_;
  }
  return packed_;
}

void AddDimensions(std::string_view packed, Labels* labels) {
  RecordReader reader(packed);
  while (!reader.done()) {
    const std::string label = reader.Text();
    const std::string value = reader.Text();
    if (!reader.ok()) return;
    labels->Set(label, value);
  }
}

}  // namespace tocsin::generate
