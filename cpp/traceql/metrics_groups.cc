#include "cpp/traceql/metrics_groups.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "cpp/base/format.h"
#include "cpp/model/span_words.h"
#include "cpp/traceql/words.h"

namespace tocsin::traceql {
namespace {

// A rough price of an entry in a table beside its key.
constexpr size_t kEntryBytes = 96;

constexpr uint32_t kUnseen = UINT32_MAX;

Value StringValue(std::string text) {
  Value value;
  value.type = ValueType::kString;
  value.text = std::move(text);
  return value;
}

Value AsText(const Value& value) {
  std::string text = LabelText(value);
  return text.empty() ? Value() : StringValue(std::move(text));
}

// Numbers the combinations of codes that rows have, in the order in which they are met, column by
// column: small numbers again, whatever the number of columns.
class Combiner {
 public:
  explicit Combiner(size_t rows) : numbers_(rows, 0) {}

  void Add(std::span<const uint32_t> codes, uint64_t cardinality) {
    const uint64_t pairs = uint64_t{count_} * cardinality;
    std::vector<std::pair<uint32_t, uint32_t>> met;
    if (pairs <= 2 * numbers_.size() + 4096) {
      AddThroughTable(codes, cardinality, &met);
    } else {
      AddThroughMap(codes, &met);
    }
    count_ = static_cast<uint32_t>(met.size());
    met_.push_back(std::move(met));
  }

  uint32_t count() const { return count_; }
  std::vector<uint32_t>& numbers() { return numbers_; }

  /// The codes, column by column, that a number stands for.
  void Expand(uint32_t number, std::vector<uint32_t>* codes) const {
    codes->resize(met_.size());
    for (size_t k = met_.size(); k-- > 0;) {
      (*codes)[k] = met_[k][number].second;
      number = met_[k][number].first;
    }
  }

 private:
  void AddThroughTable(std::span<const uint32_t> codes, uint64_t cardinality,
                       std::vector<std::pair<uint32_t, uint32_t>>* met) {
    std::vector<uint32_t> number_of(count_ * cardinality, kUnseen);
    for (size_t i = 0; i < codes.size(); ++i) {
      uint32_t& number = number_of[numbers_[i] * cardinality + codes[i]];
      if (number == kUnseen) {
        number = static_cast<uint32_t>(met->size());
        met->emplace_back(numbers_[i], codes[i]);
      }
      numbers_[i] = number;
    }
  }

  void AddThroughMap(std::span<const uint32_t> codes,
                     std::vector<std::pair<uint32_t, uint32_t>>* met) {
    std::unordered_map<uint64_t, uint32_t> number_of;
    for (size_t i = 0; i < codes.size(); ++i) {
      const auto next = static_cast<uint32_t>(met->size());
      const auto [it, added] = number_of.try_emplace(uint64_t{numbers_[i]} << 32 | codes[i], next);
      if (added) met->emplace_back(numbers_[i], codes[i]);
      numbers_[i] = it->second;
    }
  }

  std::vector<uint32_t> numbers_;
  uint32_t count_ = 1;
  std::vector<std::vector<std::pair<uint32_t, uint32_t>>> met_;  // By column, then by number.
};

}  // namespace

std::string LabelText(const Value& value) {
  switch (value.type) {
    case ValueType::kString:
      return value.text;
    case ValueType::kInt:
      return std::to_string(value.integer);
    case ValueType::kBool:
      return value.integer != 0 ? "true" : "false";
    case ValueType::kDouble:
      return FormatSampleValue(value.number);
    default:
      return "";
  }
}

std::string ValueKey(const Value& value) {
  std::string key(1, static_cast<char>(value.type));
  const auto append = [&key](uint64_t bits) {
    char bytes[sizeof(bits)];
    std::memcpy(bytes, &bits, sizeof(bits));
    key.append(bytes, sizeof(bytes));
  };
  if (value.type == ValueType::kDouble) {
    append(std::bit_cast<uint64_t>(value.number));
  } else if (value.type == ValueType::kInt || value.type == ValueType::kBool) {
    append(static_cast<uint64_t>(value.integer));
  } else {
    key.append(value.text);
  }
  return key;
}

Value LabelValue(const Scalar& scalar) {
  Value value;
  switch (scalar.kind) {
    case Scalar::Kind::kBool:
      value.type = ValueType::kBool;
      value.integer = scalar.integer;
      break;
    case Scalar::Kind::kInt:
      if (scalar.is_duration) return StringValue(GoDuration(scalar.integer));
      value.type = ValueType::kInt;
      value.integer = scalar.integer;
      break;
    case Scalar::Kind::kFloat:
      value.type = ValueType::kDouble;
      value.number = scalar.number;
      break;
    case Scalar::Kind::kString:
      return StringValue(std::string(scalar.text));
    case Scalar::Kind::kStatus:
      return StringValue(std::string(StatusWord(static_cast<SpanStatus>(scalar.integer))));
    case Scalar::Kind::kSpanKind:
      return StringValue(std::string(KindWord(static_cast<SpanKind>(scalar.integer))));
    case Scalar::Kind::kComposite:
      value.type = ValueType::kComposite;
      value.text = scalar.text;
      break;
    case Scalar::Kind::kNil:
    case Scalar::Kind::kOpaque:
      break;
  }
  return value;
}

Result<uint32_t> ValueTable::Intern(const Value& value) {
  if (value.type == ValueType::kEmpty) return 0U;
  std::string key = ValueKey(value);
  if (const auto it = ids_.find(key); it != ids_.end()) return it->second;
  TOCSIN_RETURN_IF_ERROR(
      budget_->Take(kEntryBytes + sizeof(Value) + key.size() + value.text.size()));
  values_.push_back(value);
  const auto id = static_cast<uint32_t>(values_.size());
  ids_.emplace(std::move(key), id);
  return id;
}

GroupTable::GroupTable(std::vector<Field> by, MetricsBudget* budget, bool text)
    : by_(std::move(by)), budget_(budget), text_(text), values_(budget) {}

Status GroupTable::Assign(std::span<const uint32_t> rows, std::vector<CodedField>* keys,
                          std::span<const BucketCode> buckets, std::vector<uint32_t>* groups) {
  Combiner combiner(rows.size());
  std::vector<uint32_t> codes;
  for (CodedField& key : *keys) {
    key.Gather(rows, &codes);
    combiner.Add(codes, key.cardinality());
  }
  if (!buckets.empty()) {
    codes.assign(buckets.begin(), buckets.end());
    combiner.Add(codes, kBucketCodes);
  }
  std::vector<uint32_t> group_of(combiner.count());
  std::vector<uint32_t> combination;
  for (uint32_t number = 0; number < combiner.count(); ++number) {
    combiner.Expand(number, &combination);
    std::vector<uint32_t> values(by_.size());
    for (size_t k = 0; k < by_.size(); ++k) {
      Value value = LabelValue((*keys)[k].ValueOf(combination[k]));
      if (text_) value = AsText(value);
      TOCSIN_ASSIGN_OR_RETURN(values[k], values_.Intern(value));
    }
    const auto bucket = static_cast<BucketCode>(buckets.empty() ? 0 : combination.back());
    TOCSIN_ASSIGN_OR_RETURN(group_of[number], GroupOf(std::move(values), bucket));
  }
  groups->swap(combiner.numbers());
  for (uint32_t& group : *groups) group = group_of[group];
  return {};
}

Result<uint32_t> GroupTable::GroupOf(std::vector<uint32_t> values, BucketCode bucket) {
  const bool all_absent =
      std::all_of(values.begin(), values.end(), [](uint32_t id) { return id == 0; });
  if (!values.empty() && all_absent) {
    TOCSIN_ASSIGN_OR_RETURN(values[0], values_.Intern(StringValue("nil")));
  }
  std::string key(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(uint32_t));
  key.push_back(static_cast<char>(bucket));
  if (const auto it = groups_.find(key); it != groups_.end()) return it->second;
  TOCSIN_RETURN_IF_ERROR(budget_->Take(kEntryBytes + 2 * key.size()));
  const auto group = static_cast<uint32_t>(size());
  groups_.emplace(std::move(key), group);
  values_of_.insert(values_of_.end(), values.begin(), values.end());
  bucket_of_.push_back(bucket);
  return group;
}

Result<std::vector<uint32_t>> GroupTable::Merge(const GroupTable& other) {
  std::vector<uint32_t> groups(other.size());
  for (uint32_t group = 0; group < other.size(); ++group) {
    const std::span<const uint32_t> theirs = other.ValuesOf(group);
    std::vector<uint32_t> values(theirs.size());
    for (size_t k = 0; k < theirs.size(); ++k) {
      if (theirs[k] == 0) continue;
      TOCSIN_ASSIGN_OR_RETURN(values[k], values_.Intern(other.values_[theirs[k]]));
    }
    TOCSIN_ASSIGN_OR_RETURN(groups[group], GroupOf(std::move(values), other.BucketOf(group)));
  }
  return groups;
}

std::vector<MetricsLabel> GroupTable::LabelsOf(uint32_t group) const {
  std::vector<MetricsLabel> labels;
  const std::span<const uint32_t> values = ValuesOf(group);
  for (size_t k = 0; k < by_.size(); ++k) {
    if (values[k] != 0) labels.push_back({Print(by_[k]), values_[values[k]]});
  }
  return labels;
}

}  // namespace tocsin::traceql
