#include "cpp/traceql/answer.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "cpp/model/span_words.h"
#include "cpp/traceql/words.h"

namespace tocsin::traceql {
namespace {

// Fields that have their own place in the answer.
bool StandsElsewhere(const Field& field) {
  if (field.of_parent) return false;
  switch (field.intrinsic) {
    case Intrinsic::kName:
    case Intrinsic::kDuration:
    case Intrinsic::kTraceDuration:
    case Intrinsic::kRootName:
    case Intrinsic::kRootService:
    case Intrinsic::kTraceId:
    case Intrinsic::kSpanId:
      return true;
    default:
      return false;
  }
}

std::string KeyOf(const Field& field) {
  if (field.intrinsic == Intrinsic::kNone && !field.of_parent) return field.name;
  return Print(field);
}

// `by(...)`; a bare word as it was written.
std::string KeyOfGroup(const Expr& by) {
  const Field* field = by.field();
  return "by(" + (field != nullptr && field->bare ? field->name : Print(by)) + ")";
}

Value StringValue(std::string_view text) {
  Value value;
  value.type = ValueType::kString;
  value.text = text;
  return value;
}

std::optional<Value> ValueOf(const Scalar& scalar) {
  Value value;
  switch (scalar.kind) {
    case Scalar::Kind::kBool:
      value.type = ValueType::kBool;
      value.integer = scalar.integer;
      return value;
    case Scalar::Kind::kInt:
      value.type = ValueType::kInt;
      value.integer = scalar.integer;
      return value;
    case Scalar::Kind::kFloat:
      value.type = ValueType::kDouble;
      value.number = scalar.number;
      return value;
    case Scalar::Kind::kString:
      return StringValue(scalar.text);
    case Scalar::Kind::kStatus:
      return StringValue(StatusWord(static_cast<SpanStatus>(scalar.integer)));
    case Scalar::Kind::kSpanKind:
      return StringValue(KindWord(static_cast<SpanKind>(scalar.integer)));
    case Scalar::Kind::kComposite:
      value.type = ValueType::kComposite;
      value.text = scalar.text;
      return value;
    case Scalar::Kind::kNil:
    case Scalar::Kind::kOpaque:
      break;
  }
  return std::nullopt;
}

// Of a spanset: nil has a word, and durations are text.
Value SpansetValue(const Scalar& scalar) {
  if (scalar.is_duration) {
    return StringValue(GoDuration(scalar.kind == Scalar::Kind::kInt
                                      ? scalar.integer
                                      : static_cast<int64_t>(std::llround(scalar.number))));
  }
  return ValueOf(scalar).value_or(StringValue("nil"));
}

Result<Scalar> FirstValue(const Field& field, uint32_t row, BlockEval* eval) {
  TOCSIN_ASSIGN_OR_RETURN(const BoundField* const bound, eval->conditions().Prepare(field));
  if (!bound->available()) return Scalar{};
  std::vector<Scalar> values;
  bound->ValuesOf(row, &values);
  return values.empty() ? Scalar{} : values[0];
}

Field Service() { return Field{Intrinsic::kNone, Scope::kResource, "service.name", false, false}; }

Field Name() { return Field{Intrinsic::kName, Scope::kAny, "", false, false}; }

}  // namespace

struct AnswerBuilder::Rows {
  uint32_t unit = 0;
  std::vector<uint32_t> rows;  // By (start, span id, end).
};

AnswerBuilder::AnswerBuilder(const Query& query, uint32_t spans_per_spanset)
    : fields_(FieldsOf(query)), spans_per_spanset_(spans_per_spanset) {
  const auto is_name = [](const Field& field) {
    return field.intrinsic == Intrinsic::kName && !field.of_parent;
  };
  name_asked_ = std::any_of(fields_.begin(), fields_.end(), is_name);
  std::erase_if(fields_, StandsElsewhere);
}

Result<std::unique_ptr<SearchTrace>> AnswerBuilder::Build(uint32_t trace,
                                                          const Selection& selection,
                                                          BlockEval* eval) const {
  auto out = std::make_unique<SearchTrace>();
  out->id = eval->table().traces()[trace];
  TOCSIN_RETURN_IF_ERROR(AddRoot(trace, eval, out.get()));
  TOCSIN_RETURN_IF_ERROR(AddServices(trace, eval, out.get()));

  std::vector<uint32_t> rows;
  eval->table().ForEachRow(trace, [&](uint32_t row) {
    if (selection.rows.Test(row)) rows.push_back(row);
  });
  const SpanBlock& block = eval->table().block();
  TOCSIN_ASSIGN_OR_RETURN(const auto starts, block.Starts());
  TOCSIN_ASSIGN_OR_RETURN(const auto ends, block.Ends());
  TOCSIN_ASSIGN_OR_RETURN(const auto ids, block.SpanIds());
  std::sort(rows.begin(), rows.end(), [&](uint32_t a, uint32_t b) {
    return std::tuple(starts[a], ids[a], ends[a], a) < std::tuple(starts[b], ids[b], ends[b], b);
  });
  out->matched = static_cast<uint32_t>(rows.size());
  std::vector<Rows> spansets;
  std::map<uint32_t, size_t> spanset_of;
  for (const uint32_t row : rows) {
    const uint32_t unit = selection.grouping ? selection.grouping->group_of_row[row] : trace;
    const auto [it, added] = spanset_of.try_emplace(unit, spansets.size());
    if (added) spansets.push_back({unit, {}});
    spansets[it->second].rows.push_back(row);
  }
  for (const Rows& spanset : spansets) {
    TOCSIN_ASSIGN_OR_RETURN(SearchSpanset built, BuildSpanset(spanset, selection, eval));
    out->spansets.push_back(std::move(built));
  }
  return out;
}

Status AnswerBuilder::AddRoot(uint32_t trace, BlockEval* eval, SearchTrace* out) const {
  TOCSIN_ASSIGN_OR_RETURN(const TraceExtent extent, eval->table().ExtentOf(trace));
  out->start = extent.start;
  out->duration = extent.end - extent.start;
  out->root_service = kNoRootYet;
  if (extent.root == TraceTable::kNoRow) return {};
  TOCSIN_ASSIGN_OR_RETURN(const Scalar service, FirstValue(Service(), extent.root, eval));
  TOCSIN_ASSIGN_OR_RETURN(const Scalar name, FirstValue(Name(), extent.root, eval));
  out->root_service = service.text;
  out->root_name = name.text;
  return {};
}

Status AnswerBuilder::AddServices(uint32_t trace, BlockEval* eval, SearchTrace* out) const {
  TOCSIN_ASSIGN_OR_RETURN(const BoundField* const bound, eval->conditions().Prepare(Service()));
  TOCSIN_ASSIGN_OR_RETURN(const auto statuses, eval->table().block().Statuses());
  std::vector<Scalar> values;
  eval->table().ForEachRow(trace, [&](uint32_t row) {
    values.clear();
    bound->ValuesOf(row, &values);
    const std::string_view service = values.empty() ? std::string_view() : values[0].text;
    auto it = out->services.find(service);
    if (it == out->services.end()) it = out->services.emplace(service, ServiceStats{}).first;
    ++it->second.spans;
    if (statuses[row] == SpanStatus::kError) ++it->second.errors;
  });
  return {};
}

Result<SearchSpanset> AnswerBuilder::BuildSpanset(const Rows& rows, const Selection& selection,
                                                  BlockEval* eval) const {
  SearchSpanset out;
  out.matched = static_cast<uint32_t>(rows.rows.size());
  TOCSIN_RETURN_IF_ERROR(AddAttributes(rows, selection, eval, &out));
  for (const uint32_t row : rows.rows) {
    if (spans_per_spanset_ != 0 && out.spans.size() == spans_per_spanset_) break;
    TOCSIN_ASSIGN_OR_RETURN(SearchSpan span, BuildSpan(row, eval));
    out.spans.push_back(std::move(span));
  }
  return out;
}

Result<SearchSpan> AnswerBuilder::BuildSpan(uint32_t row, BlockEval* eval) const {
  const SpanBlock& block = eval->table().block();
  TOCSIN_ASSIGN_OR_RETURN(const auto ids, block.SpanIds());
  TOCSIN_ASSIGN_OR_RETURN(const auto starts, block.Starts());
  TOCSIN_ASSIGN_OR_RETURN(const auto ends, block.Ends());
  TOCSIN_ASSIGN_OR_RETURN(const Scalar name, FirstValue(Name(), row, eval));
  SearchSpan span;
  span.id = ids[row];
  span.name = name.text;
  span.name_asked = name_asked_;
  span.start = starts[row];
  span.duration = ends[row] > starts[row] ? ends[row] - starts[row] : 0;
  for (const Field& field : fields_) {
    TOCSIN_ASSIGN_OR_RETURN(const Scalar scalar, FirstValue(field, row, eval));
    if (std::optional<Value> value = ValueOf(scalar)) {
      span.attributes.push_back({KeyOf(field), *std::move(value)});
    }
  }
  return span;
}

Status AnswerBuilder::AddAttributes(const Rows& rows, const Selection& selection, BlockEval* eval,
                                    SearchSpanset* out) const {
  const uint32_t row = rows.rows[0];
  if (selection.grouping) {
    for (const Expr* by : selection.grouping->by) {
      std::vector<Scalar> values;
      if (by->operation() != nullptr && by->type == Type::kBool) {
        TOCSIN_ASSIGN_OR_RETURN(const Bitmap holds, eval->conditions().Evaluate(*by));
        values.push_back(Scalar::Bool(holds.Test(row)));
      } else {
        eval->conditions().ValuesOf(*by, row, &values);
      }
      out->attributes.push_back(
          {KeyOfGroup(*by), SpansetValue(values.empty() ? Scalar{} : values[0])});
    }
  }
  for (const Annotation& annotation : selection.annotations) {
    const auto it =
        std::lower_bound(annotation.of_units.begin(), annotation.of_units.end(), rows.unit,
                         [](const auto& entry, uint32_t unit) { return entry.first < unit; });
    if (it == annotation.of_units.end() || it->first != rows.unit) continue;
    out->attributes.push_back({Print(*annotation.aggregate), SpansetValue(it->second)});
  }
  return {};
}

uint64_t BytesOf(const SearchTrace& trace) {
  const auto of_attributes = [](const std::vector<SearchAttribute>& attributes) {
    uint64_t bytes = 0;
    for (const SearchAttribute& attribute : attributes) {
      bytes += sizeof(attribute) + attribute.key.size() + attribute.value.text.size();
    }
    return bytes;
  };
  uint64_t bytes = sizeof(trace) + trace.root_service.size() + trace.root_name.size();
  for (const auto& [service, stats] : trace.services) bytes += 64 + service.size();
  for (const SearchSpanset& spanset : trace.spansets) {
    bytes += sizeof(spanset) + of_attributes(spanset.attributes);
    for (const SearchSpan& span : spanset.spans) {
      bytes += sizeof(span) + span.name.size() + of_attributes(span.attributes);
    }
  }
  return bytes;
}

}  // namespace tocsin::traceql
