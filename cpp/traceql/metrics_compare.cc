// compare(): which attributes tell a selection of spans from the others.
//
// The rows are read twice. First every value is counted, by its hash alone; then the values that
// most spans have are counted by interval. So an attribute that is different in each span costs
// little.

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <unordered_map>
#include <utility>

#include "cpp/base/hash.h"
#include "cpp/traceql/metrics_field.h"
#include "cpp/traceql/metrics_groups.h"
#include "cpp/traceql/metrics_sink.h"

namespace tocsin::traceql {
namespace {

enum Side : uint8_t { kBaseline = 0, kSelection = 1 };
constexpr size_t kSides = 2;
constexpr std::array<std::string_view, kSides> kSideNames = {"baseline", "selection"};
constexpr std::array<std::string_view, kSides> kTotalNames = {"baseline_total", "selection_total"};

// A rough price of a value in the first pass.
constexpr size_t kTotalBytes = 64;

using Totals = std::array<double, kSides>;

MetricsLabel TextLabel(std::string_view name, std::string_view text) {
  MetricsLabel label{std::string(name), {}};
  label.value.type = ValueType::kString;
  label.value.text = text;
  return label;
}

// What distinguishes spans beside their attributes. Times and ids are of no use.
std::vector<Field> ComparedIntrinsics() {
  std::vector<Field> fields;
  for (const Intrinsic intrinsic :
       {Intrinsic::kName, Intrinsic::kStatus, Intrinsic::kStatusMessage, Intrinsic::kKind,
        Intrinsic::kRootName, Intrinsic::kRootService, Intrinsic::kInstrumentationName,
        Intrinsic::kInstrumentationVersion}) {
    Field field;
    field.intrinsic = intrinsic;
    fields.push_back(std::move(field));
  }
  return fields;
}

Field FieldOf(const AttributeKey& key) {
  constexpr std::array<Scope, 5> kScopes = {Scope::kSpan, Scope::kResource, Scope::kEvent,
                                            Scope::kLink, Scope::kInstrumentation};
  Field field;
  field.scope = kScopes[static_cast<size_t>(key.scope)];
  field.name = key.key;
  return field;
}

// Empty texts stand for what is not there: a status without a message, an unnamed library.
bool IsCounted(const Value& value) {
  return value.type != ValueType::kEmpty &&
         !(value.type == ValueType::kString && value.text.empty());
}

class CompareSink final : public MetricsSink {
 public:
  CompareSink(const MetricsFunction& function, const MetricsContext& context)
      : function_(function),
        intervals_(context.intervals),
        budget_(context.budget),
        interrupted_(context.interrupted) {}

  std::unique_ptr<MetricsSink> Fork(const MetricsContext& context) const override;
  std::vector<Field> Fields() const override;
  Status Add(const MetricsRows& rows) override;
  bool NeedsMore() override;
  Result<std::vector<MetricsSeries>> Finish() override;

 protected:
  Status TakeRows(MetricsSink* fork) override;

 private:
  struct Shown {
    Value value;
    std::array<bool, kSides> on_side{};  ///< Among the most frequent there.
    std::array<std::vector<double>, kSides> counts;
  };
  struct Attribute {
    std::unordered_map<uint64_t, Totals> totals;  ///< Of the first pass, by the value's hash.
    // Of the second.
    std::array<bool, kSides> crowded{};
    std::unordered_map<uint64_t, Shown> shown;
    std::array<std::vector<double>, kSides> counts;  ///< Of spans with any value.
  };
  // Rows as both passes see them.
  struct Split {
    const MetricsRows& rows;
    std::vector<uint8_t> sides;  ///< One for each row.

    double WeightOf(size_t i) const { return rows.weights.empty() ? 1 : rows.weights[i]; }
  };

  Status AddField(const Split& split, const Field& field);
  Status SidesOf(const MetricsRows& rows, std::vector<uint8_t>* sides);
  Status CountValues(const Split& split, const CodedField& field, Attribute* attribute);
  Status CountIntervals(const Split& split, const CodedField& field, Attribute* attribute);
  Status Resize(std::vector<double>* counts);
  Status TakeCounts(const std::vector<double>& from, std::vector<double>* to);
  Status TakeAttribute(Attribute* from, Attribute* to);
  void Choose(Attribute* attribute) const;
  Status AddSeries(const std::string& name, Attribute* attribute,
                   std::vector<MetricsSeries>* series) const;

  const MetricsFunction& function_;
  const MetricsIntervals& intervals_;
  MetricsBudget& budget_;
  const std::function<Status()>& interrupted_;
  bool second_pass_ = false;
  std::map<std::string, Attribute> attributes_;  // By the field's text.
  std::vector<uint32_t> codes_;
};

std::vector<Field> CompareSink::Fields() const {
  std::vector<Field> fields = ComparedIntrinsics();
  const std::vector<Field> of_selection = FieldsOf(function_.selection);
  fields.insert(fields.end(), of_selection.begin(), of_selection.end());
  return fields;
}

std::unique_ptr<MetricsSink> CompareSink::Fork(const MetricsContext& context) const {
  auto fork = std::make_unique<CompareSink>(function_, context);
  fork->second_pass_ = second_pass_;
  if (!second_pass_) return fork;
  for (const auto& [name, attribute] : attributes_) {
    Attribute& copy = fork->attributes_[name];
    for (const auto& [hash, shown] : attribute.shown) {
      copy.shown.try_emplace(hash).first->second.on_side = shown.on_side;
    }
  }
  return fork;
}

Status CompareSink::TakeRows(MetricsSink* fork) {
  for (auto& [name, attribute] : static_cast<CompareSink&>(*fork).attributes_) {
    TOCSIN_RETURN_IF_ERROR(TakeAttribute(&attribute, &attributes_[name]));
  }
  return {};
}

Status CompareSink::TakeAttribute(Attribute* from, Attribute* to) {
  for (const auto& [hash, totals] : from->totals) {
    const auto [it, added] = to->totals.try_emplace(hash, Totals{});
    if (added) {
      TOCSIN_RETURN_IF_ERROR(budget_.Take(kTotalBytes));
    }
    for (size_t side = 0; side < kSides; ++side) it->second[side] += totals[side];
  }
  for (size_t side = 0; side < kSides; ++side) {
    TOCSIN_RETURN_IF_ERROR(TakeCounts(from->counts[side], &to->counts[side]));
  }
  for (auto& [hash, shown] : from->shown) {
    Shown& mine = to->shown[hash];
    if (shown.value.type != ValueType::kEmpty) mine.value = std::move(shown.value);
    for (size_t side = 0; side < kSides; ++side) {
      TOCSIN_RETURN_IF_ERROR(TakeCounts(shown.counts[side], &mine.counts[side]));
    }
  }
  return {};
}

Status CompareSink::TakeCounts(const std::vector<double>& from, std::vector<double>* to) {
  if (from.empty()) return {};
  TOCSIN_RETURN_IF_ERROR(Resize(to));
  for (size_t i = 0; i < from.size(); ++i) (*to)[i] += from[i];
  return {};
}

Status CompareSink::Add(const MetricsRows& rows) {
  Split split{rows, {}};
  TOCSIN_RETURN_IF_ERROR(SidesOf(rows, &split.sides));
  for (const Field& field : ComparedIntrinsics()) {
    TOCSIN_RETURN_IF_ERROR(AddField(split, field));
  }
  // One column at a time: there may be very many.
  TOCSIN_ASSIGN_OR_RETURN(const std::vector<AttributeKey> keys,
                          rows.block.table().block().AttributeKeys());
  for (const AttributeKey& key : keys) {
    if (interrupted_) {
      TOCSIN_RETURN_IF_ERROR(interrupted_());
    }
    TOCSIN_RETURN_IF_ERROR(AddField(split, FieldOf(key)));
  }
  return {};
}

Status CompareSink::AddField(const Split& split, const Field& field) {
  TOCSIN_ASSIGN_OR_RETURN(CodedField coded,
                          CodedField::Bind(field, split.rows.block.shared_table()));
  CountBytes(coded.bytes());
  coded.Gather(split.rows.rows, &codes_);
  const auto [it, added] = attributes_.try_emplace(Print(field));
  if (added) {
    TOCSIN_RETURN_IF_ERROR(budget_.Take(sizeof(*it) + it->first.size()));
  }
  return second_pass_ ? CountIntervals(split, coded, &it->second)
                      : CountValues(split, coded, &it->second);
}

Status CompareSink::SidesOf(const MetricsRows& rows, std::vector<uint8_t>* sides) {
  TOCSIN_ASSIGN_OR_RETURN(const Bitmap selected, rows.block.Rows(function_.selection));
  TOCSIN_ASSIGN_OR_RETURN(const auto starts, rows.block.table().block().Starts());
  const bool bounded = function_.start > 0 && function_.end > 0;
  const auto from = static_cast<uint64_t>(function_.start);
  const auto to = static_cast<uint64_t>(function_.end);
  sides->resize(rows.rows.size());
  for (size_t i = 0; i < rows.rows.size(); ++i) {
    const uint32_t row = rows.rows[i];
    const bool in_time = !bounded || (starts[row] >= from && starts[row] < to);
    (*sides)[i] = in_time && selected.Test(row) ? kSelection : kBaseline;
  }
  return {};
}

Status CompareSink::CountValues(const Split& split, const CodedField& field, Attribute* attribute) {
  std::vector<Totals> of_code(field.cardinality(), Totals{});
  for (size_t i = 0; i < codes_.size(); ++i) {
    of_code[codes_[i]][split.sides[i]] += split.WeightOf(i);
  }
  for (uint32_t code = 1; code < of_code.size(); ++code) {
    if (of_code[code][kBaseline] == 0 && of_code[code][kSelection] == 0) continue;
    const Value value = LabelValue(field.ValueOf(code));
    if (!IsCounted(value)) continue;
    const auto [it, added] = attribute->totals.try_emplace(Hash64(ValueKey(value)), Totals{});
    if (added) {
      TOCSIN_RETURN_IF_ERROR(budget_.Take(kTotalBytes));
    }
    for (size_t side = 0; side < kSides; ++side) it->second[side] += of_code[code][side];
  }
  return {};
}

bool CompareSink::NeedsMore() {
  if (second_pass_) return false;
  second_pass_ = true;
  for (auto& [name, attribute] : attributes_) Choose(&attribute);
  return true;
}

// The most frequent values of each side; of equally frequent ones the choice is arbitrary and
// always the same.
void CompareSink::Choose(Attribute* attribute) const {
  const auto top_n = static_cast<size_t>(function_.top_n);
  for (size_t side = 0; side < kSides; ++side) {
    std::vector<std::pair<double, uint64_t>> ranked;
    for (const auto& [hash, totals] : attribute->totals) {
      if (totals[side] > 0) ranked.emplace_back(totals[side], hash);
    }
    attribute->crowded[side] = ranked.size() > top_n;
    const size_t shown = std::min(top_n, ranked.size());
    std::partial_sort(ranked.begin(), ranked.begin() + static_cast<ptrdiff_t>(shown), ranked.end(),
                      std::greater<>());
    for (size_t k = 0; k < shown; ++k) attribute->shown[ranked[k].second].on_side[side] = true;
  }
  attribute->totals = {};
}

Status CompareSink::Resize(std::vector<double>* counts) {
  if (!counts->empty()) return {};
  TOCSIN_RETURN_IF_ERROR(budget_.Take(intervals_.count() * sizeof(double)));
  counts->resize(intervals_.count(), 0);
  return {};
}

Status CompareSink::CountIntervals(const Split& split, const CodedField& field,
                                   Attribute* attribute) {
  // Of each code: is it a value, and one that is shown?
  constexpr uint8_t kUnknown = 0;
  constexpr uint8_t kNoValue = 1;
  constexpr uint8_t kValue = 2;
  std::vector<uint8_t> known(field.cardinality(), kUnknown);
  std::vector<Shown*> shown(field.cardinality(), nullptr);
  known[0] = kNoValue;
  for (size_t i = 0; i < codes_.size(); ++i) {
    const uint32_t code = codes_[i];
    if (known[code] == kUnknown) {
      Value value = LabelValue(field.ValueOf(code));
      known[code] = IsCounted(value) ? kValue : kNoValue;
      const auto it = attribute->shown.find(Hash64(ValueKey(value)));
      if (it != attribute->shown.end()) {
        shown[code] = &it->second;
        it->second.value = std::move(value);
      }
    }
    if (known[code] == kNoValue) continue;
    const uint8_t side = split.sides[i];
    TOCSIN_RETURN_IF_ERROR(Resize(&attribute->counts[side]));
    attribute->counts[side][split.rows.intervals[i]] += split.WeightOf(i);
    if (shown[code] == nullptr) continue;
    TOCSIN_RETURN_IF_ERROR(Resize(&shown[code]->counts[side]));
    shown[code]->counts[side][split.rows.intervals[i]] += split.WeightOf(i);
  }
  return {};
}

Status CompareSink::AddSeries(const std::string& name, Attribute* attribute,
                              std::vector<MetricsSeries>* series) const {
  for (size_t side = 0; side < kSides; ++side) {
    if (attribute->counts[side].empty()) continue;
    series->push_back({{TextLabel("__meta_type", kTotalNames[side]), TextLabel(name, "nil")},
                       std::move(attribute->counts[side]),
                       {}});
    for (auto& [hash, shown] : attribute->shown) {
      if (!shown.on_side[side] || shown.counts[side].empty()) continue;
      series->push_back({{TextLabel("__meta_type", kSideNames[side]), {name, shown.value}},
                         std::move(shown.counts[side]),
                         {}});
    }
  }
  if (attribute->crowded[kBaseline] || attribute->crowded[kSelection]) {
    TOCSIN_RETURN_IF_ERROR(budget_.Take(intervals_.count() * sizeof(double)));
    series->push_back({{TextLabel("__meta_error", "__too_many_values__"), TextLabel(name, "nil")},
                       std::vector<double>(intervals_.count(), 0),
                       {}});
  }
  return {};
}

Result<std::vector<MetricsSeries>> CompareSink::Finish() {
  std::vector<MetricsSeries> series;
  for (auto& [name, attribute] : attributes_) {
    TOCSIN_RETURN_IF_ERROR(AddSeries(name, &attribute, &series));
  }
  return series;
}

}  // namespace

std::unique_ptr<MetricsSink> MakeCompareSink(const MetricsFunction& function,
                                             const MetricsContext& context) {
  return std::make_unique<CompareSink>(function, context);
}

}  // namespace tocsin::traceql
