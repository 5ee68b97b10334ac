#include "cpp/traceql/tags.h"

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <unordered_set>
#include <utility>

#include "cpp/base/format.h"
#include "cpp/model/span_words.h"
#include "cpp/traceql/batch_block.h"
#include "cpp/traceql/block_eval.h"
#include "cpp/traceql/lexer.h"
#include "cpp/traceql/scalar.h"
#include "cpp/traceql/words.h"

namespace tocsin::traceql {
namespace {

using BlockPtr = std::shared_ptr<const SpanBlock>;
using ColumnPtr = std::shared_ptr<const Column>;
using TraceIds = std::unordered_set<TraceId, TraceIdHash>;

constexpr size_t kColumnsBetweenQuestions = 16;

// Which rows of a block count.
struct Rows {
  bool all = false;
  Bitmap some;  // Unless `all`.

  bool None() const { return !all && some.None(); }
};

Status Ask(const TagOptions& options) {
  return options.interrupted ? options.interrupted() : Status();
}

// `nestedSetParent < 0` asks for root spans, which their parent ids tell.
bool AsksForRoots(const Operation& operation) {
  if (operation.args.size() != 2) return false;
  const Field* field = operation.args[0].field();
  const Literal* limit = operation.args[1].literal();
  if (field == nullptr || limit == nullptr || field->of_parent ||
      field->intrinsic != Intrinsic::kNestedSetParent || limit->type != Type::kInt) {
    return false;
  }
  if (operation.op == Op::kLess || operation.op == Op::kGreaterEqual) return limit->integer == 0;
  if (operation.op == Op::kEqual || operation.op == Op::kNotEqual) return limit->integer == -1;
  return false;
}

// Does a field of the condition depend on more than the row?
bool NeedsTrace(const Expr& expr) {
  if (const Operation* operation = expr.operation()) {
    return !AsksForRoots(*operation) && std::ranges::any_of(operation->args, NeedsTrace);
  }
  const Field* field = expr.field();
  if (field == nullptr) return false;
  return DependsOnTrace(*field) || field->intrinsic == Intrinsic::kEventTimeSinceStart ||
         field->intrinsic == Intrinsic::kLinkTraceId || field->intrinsic == Intrinsic::kLinkSpanId;
}

// Says which rows count, newest blocks first, whatever it takes to know that.
class Selector {
 public:
  Selector(const SpanView& view, const TagOptions& options)
      : view_(view),
        options_(options),
        exact_needs_trace_(options.filter != nullptr && options.filter->condition.has_value() &&
                           NeedsTrace(*options.filter->condition)) {}

  /// Calls visit(block, rows) -> Result<bool>, true to go on, for what has rows that count: blocks
  /// of the view, or of one trace where only that tells.
  template <class Visit>
  Status ForEach(const Visit& visit) {
    std::vector<BlockPtr> blocks(view_.blocks().begin(), view_.blocks().end());
    std::ranges::stable_sort(
        blocks, [](const BlockPtr& a, const BlockPtr& b) { return a->max_end() > b->max_end(); });
    TraceIds seen;
    for (const BlockPtr& block : blocks) {
      TOCSIN_RETURN_IF_ERROR(Ask(options_));
      const Result<bool> go_on = VisitBlock(*block, &seen, visit);
      block->Release();
      if (!go_on && go_on.error().code() == StatusCode::kCorruption) continue;
      if (!go_on) return go_on.error();
      if (!*go_on) break;
    }
    return {};
  }

  /// Do rows count for what they are, and not for the time or the filter?
  bool everything() const {
    return options_.filter == nullptr && options_.start == 0 && options_.end == UINT64_MAX;
  }

 private:
  template <class Visit>
  Result<bool> VisitBlock(const SpanBlock& block, TraceIds* seen, const Visit& visit) const {
    Rows sure;
    Rows unsure;  // Only the whole trace tells.
    TOCSIN_RETURN_IF_ERROR(Select(block, &sure, &unsure));
    if (!sure.None()) {
      TOCSIN_ASSIGN_OR_RETURN(const bool go_on, visit(block, sure));
      if (!go_on) return false;
    }
    return unsure.None() ? true : VisitTraces(block, unsure, seen, visit);
  }

  Status Select(const SpanBlock& block, Rows* sure, Rows* unsure) const {
    if (block.rows() == 0 || block.min_start() > options_.end || block.max_end() < options_.start) {
      return {};
    }
    TOCSIN_ASSIGN_OR_RETURN(const std::shared_ptr<const Bitmap> hidden, block.Hidden());
    const bool within = block.min_start() >= options_.start && block.max_end() <= options_.end;
    sure->all = within && hidden == nullptr && options_.filter == nullptr;
    if (sure->all) return {};
    if (options_.filter == nullptr) {
      sure->some = Bitmap(block.rows(), true);
      if (hidden != nullptr) sure->some.AndNot(*hidden);
    } else {
      TOCSIN_RETURN_IF_ERROR(ApplyFilter(block, /*is_whole=*/false, &sure->some, &unsure->some));
    }
    return within ? Status() : CutToRange(block, &sure->some);
  }

  // `is_whole`: the block is all of one trace.
  Status ApplyFilter(const SpanBlock& block, bool is_whole, Bitmap* sure, Bitmap* unsure) const {
    std::vector<Field> fields;
    if (options_.filter->condition.has_value()) fields = FieldsOf(*options_.filter->condition);
    TOCSIN_ASSIGN_OR_RETURN(const auto eval, BlockEval::Make(block, fields, is_whole));
    TOCSIN_ASSIGN_OR_RETURN(*sure, eval->Rows(*options_.filter));
    if (!exact_needs_trace_ || eval->partial() == nullptr) return {};
    *unsure = *sure;
    unsure->And(*eval->partial());
    sure->AndNot(*eval->partial());
    return {};
  }

  Status CutToRange(const SpanBlock& block, Bitmap* rows) const {
    TOCSIN_ASSIGN_OR_RETURN(const std::span<const uint64_t> starts, block.Starts());
    TOCSIN_ASSIGN_OR_RETURN(const std::span<const uint64_t> ends, block.Ends());
    Bitmap inside(block.rows());
    for (uint32_t row = 0; row < block.rows(); ++row) {
      inside.SetIf(
          row, starts[row] <= options_.end && std::max(starts[row], ends[row]) >= options_.start);
    }
    rows->And(inside);
    return {};
  }

  template <class Visit>
  Result<bool> VisitTraces(const SpanBlock& block, const Rows& rows, TraceIds* seen,
                           const Visit& visit) const {
    TOCSIN_ASSIGN_OR_RETURN(const std::vector<TraceId> ids, TracesOf(block, rows, seen));
    for (const TraceId& id : ids) {
      TOCSIN_RETURN_IF_ERROR(Ask(options_));
      TOCSIN_ASSIGN_OR_RETURN(SpanBatch batch, view_.Trace(id));
      if (batch.empty()) continue;
      const BatchBlock whole(std::make_shared<const SpanBatch>(std::move(batch)));
      Rows exact;
      Bitmap none;
      TOCSIN_RETURN_IF_ERROR(ApplyFilter(whole, /*is_whole=*/true, &exact.some, &none));
      TOCSIN_RETURN_IF_ERROR(CutToRange(whole, &exact.some));
      if (exact.None()) continue;
      TOCSIN_ASSIGN_OR_RETURN(const bool go_on, visit(whole, exact));
      if (!go_on) return false;
    }
    return true;
  }

 public:
  /// The traces of rows that are not in `seen` yet; they are then.
  static Result<std::vector<TraceId>> TracesOf(const SpanBlock& block, const Rows& rows,
                                               TraceIds* seen) {
    TOCSIN_ASSIGN_OR_RETURN(const std::span<const TraceId> traces, block.Traces());
    TOCSIN_ASSIGN_OR_RETURN(const std::span<const uint32_t> trace_of_row, block.TraceOfRow());
    std::vector<uint8_t> wanted(traces.size(), rows.all ? 1 : 0);
    if (!rows.all) rows.some.ForEach([&](uint32_t row) { wanted[trace_of_row[row]] = 1; });
    std::vector<TraceId> ids;
    for (size_t i = 0; i < traces.size(); ++i) {
      if (wanted[i] != 0 && seen->insert(traces[i]).second) ids.push_back(traces[i]);
    }
    return ids;
  }

 private:
  const SpanView& view_;
  const TagOptions& options_;
  const bool exact_needs_trace_;
};

// Calls visit(value) -> bool, true to go on, for each value that stands in a row that counts.
template <class Visit>
void ForEachValue(const Column& column, const Rows& rows, const Visit& visit) {
  if (rows.all) {
    for (const Value& value : column.values) {
      if (!visit(value)) return;
    }
    return;
  }
  std::vector<uint8_t> seen(column.values.size() + 1);
  seen[0] = 1;
  size_t left = column.values.size();
  for (size_t i = 0; i < column.codes.size() && left > 0; ++i) {
    const uint32_t code = column.codes[i];
    const auto row = column.owner.empty() ? static_cast<uint32_t>(i) : column.owner[i];
    if (seen[code] != 0 || !rows.some.Test(row)) continue;
    seen[code] = 1;
    --left;
    if (!visit(column.values[code - 1])) return;
  }
}

bool StandsInAny(const Column& column, const Rows& rows) {
  bool found = false;
  ForEachValue(column, rows, [&](const Value&) {
    found = true;
    return false;
  });
  return found;
}

uint64_t BytesLookedAt(const Column& column, const Rows& rows) {
  uint64_t bytes = rows.all ? 0 : column.codes.size() * sizeof(uint32_t);
  for (const Value& value : column.values) bytes += sizeof(Value) + value.text.size();
  return bytes;
}

class NameCollector {
 public:
  NameCollector(std::optional<AttrScope> scope, const TagOptions& options)
      : scope_(scope), options_(options) {}

  Result<bool> Visit(const SpanBlock& block, const Rows& rows) {
    TOCSIN_ASSIGN_OR_RETURN(const std::vector<AttributeKey> keys, block.AttributeKeys());
    size_t columns = 0;
    for (const AttributeKey& key : keys) {
      names_.stats.inspected_bytes += key.key.size();
      if (scope_.has_value() && key.scope != *scope_) continue;
      std::unordered_set<std::string>& found = found_[static_cast<size_t>(key.scope)];
      if (found.contains(key.key)) continue;
      if (!rows.all) {
        if (++columns % kColumnsBetweenQuestions == 0) TOCSIN_RETURN_IF_ERROR(Ask(options_));
        TOCSIN_ASSIGN_OR_RETURN(const ColumnPtr column, block.Attribute(key.scope, key.key));
        if (column == nullptr) continue;
        names_.stats.inspected_bytes += BytesLookedAt(*column, rows);
        if (!StandsInAny(*column, rows)) continue;
      }
      if (bytes_ + key.key.size() > options_.max_bytes) {
        names_.truncated = true;
        return false;
      }
      if (options_.limit != 0 && found.size() >= options_.limit) {
        names_.truncated = true;
        continue;
      }
      bytes_ += key.key.size();
      found.insert(key.key);
    }
    return true;
  }

  TagNames Finish(uint32_t blocks) {
    for (size_t i = 0; i < kAttrScopes; ++i) {
      names_.scopes[i].assign(found_[i].begin(), found_[i].end());
      std::ranges::sort(names_.scopes[i]);
    }
    names_.stats.total_blocks = blocks;
    return std::move(names_);
  }

 private:
  const std::optional<AttrScope> scope_;
  const TagOptions& options_;
  std::array<std::unordered_set<std::string>, kAttrScopes> found_;
  size_t bytes_ = 0;
  TagNames names_;
};

class ValueCollector {
 public:
  explicit ValueCollector(const TagOptions& options) : options_(options) {}

  /// False once no more fit. `skip_empty`: for what every row has, if only empty.
  bool AddColumn(const Column& column, const Rows& rows, bool skip_empty) {
    result_.stats.inspected_bytes += BytesLookedAt(column, rows);
    ForEachValue(column, rows, [&](const Value& value) {
      if (skip_empty && value.text.empty()) return true;
      return Add(value);
    });
    return !result_.truncated;
  }

  TagValues Finish(uint32_t blocks) {
    result_.values.reserve(found_.size());
    for (const std::string& typed : found_) {
      result_.values.push_back({static_cast<TagType>(typed.front()), typed.substr(1)});
    }
    std::ranges::sort(result_.values);
    result_.stats.total_blocks = blocks;
    return std::move(result_);
  }

 private:
  bool Add(const Value& value) {
    switch (value.type) {
      case ValueType::kString:
        return Add(TagType::kString, value.text);
      case ValueType::kInt:
        return Add(TagType::kInt, std::to_string(value.integer));
      case ValueType::kDouble:
        return Add(TagType::kFloat, FormatGoFloat(value.number));
      case ValueType::kBool:
        return Add(TagType::kBool, value.integer != 0 ? "true" : "false");
      case ValueType::kComposite:
        return AddElements(value.text);
      case ValueType::kBytes:
      case ValueType::kEmpty:
        return true;
    }
    return true;
  }

  bool AddElements(std::string_view composite) {
    for (const Scalar& element : DecodeArray(composite)) {
      bool go_on = true;
      if (element.kind == Scalar::Kind::kString) go_on = Add(TagType::kString, element.text);
      if (element.kind == Scalar::Kind::kInt) {
        go_on = Add(TagType::kInt, std::to_string(element.integer));
      }
      if (element.kind == Scalar::Kind::kFloat) {
        go_on = Add(TagType::kFloat, FormatGoFloat(element.number));
      }
      if (element.kind == Scalar::Kind::kBool) {
        go_on = Add(TagType::kBool, element.integer != 0 ? "true" : "false");
      }
      if (!go_on) return false;
    }
    return true;
  }

  bool Add(TagType type, std::string_view text) {
    key_.assign(1, static_cast<char>(type));
    key_.append(text);
    if (found_.contains(key_)) return true;
    if (bytes_ + text.size() > options_.max_bytes ||
        (options_.limit != 0 && found_.size() >= options_.limit)) {
      result_.truncated = true;
      return false;
    }
    bytes_ += text.size();
    found_.insert(key_);
    return true;
  }

  const TagOptions& options_;
  std::unordered_set<std::string> found_;  // The type as one character, and the text.
  std::string key_;                        // To look up without allocating.
  size_t bytes_ = 0;
  TagValues result_;
};

// The columns that hold the values of a field; none for fields that are no column.
Result<std::vector<ColumnPtr>> ColumnsOf(const Field& field, const SpanBlock& block) {
  std::vector<ColumnPtr> columns;
  const auto add = [&](Result<ColumnPtr> column) -> Status {
    TOCSIN_ASSIGN_OR_RETURN(ColumnPtr found, std::move(column));
    if (found != nullptr) columns.push_back(std::move(found));
    return {};
  };
  switch (field.intrinsic) {
    case Intrinsic::kName:
      TOCSIN_RETURN_IF_ERROR(add(block.Names()));
      break;
    case Intrinsic::kStatusMessage:
      TOCSIN_RETURN_IF_ERROR(add(block.StatusMessages()));
      break;
    case Intrinsic::kEventName:
      TOCSIN_RETURN_IF_ERROR(add(block.EventNames()));
      break;
    case Intrinsic::kInstrumentationName:
      TOCSIN_RETURN_IF_ERROR(add(block.ScopeNames()));
      break;
    case Intrinsic::kInstrumentationVersion:
      TOCSIN_RETURN_IF_ERROR(add(block.ScopeVersions()));
      break;
    case Intrinsic::kNone: {
      static constexpr std::array<std::pair<Scope, AttrScope>, kAttrScopes> kScopes = {{
          {Scope::kSpan, AttrScope::kSpan},
          {Scope::kResource, AttrScope::kResource},
          {Scope::kEvent, AttrScope::kEvent},
          {Scope::kLink, AttrScope::kLink},
          {Scope::kInstrumentation, AttrScope::kInstrumentation},
      }};
      for (const auto& [scope, attr_scope] : kScopes) {
        if (field.scope != Scope::kAny && field.scope != scope) continue;
        TOCSIN_RETURN_IF_ERROR(add(block.Attribute(attr_scope, field.name)));
      }
      break;
    }
    default:
      break;
  }
  return columns;
}

// Of the rows that count, those without a parent; where only traces are counted, those of them.
Result<Rows> RootRows(const SpanBlock& block, const TraceIds* traces) {
  Rows rows;
  TOCSIN_ASSIGN_OR_RETURN(const std::span<const SpanId> parents, block.ParentSpanIds());
  TOCSIN_ASSIGN_OR_RETURN(const std::shared_ptr<const Bitmap> hidden, block.Hidden());
  rows.some = Bitmap(block.rows());
  for (uint32_t row = 0; row < block.rows(); ++row) rows.some.SetIf(row, parents[row] == 0);
  if (hidden != nullptr) rows.some.AndNot(*hidden);
  if (traces == nullptr) return rows;
  TOCSIN_ASSIGN_OR_RETURN(const std::span<const TraceId> ids, block.Traces());
  TOCSIN_ASSIGN_OR_RETURN(const std::span<const uint32_t> trace_of_row, block.TraceOfRow());
  Bitmap wanted(block.rows());
  rows.some.ForEach([&](uint32_t row) {
    if (traces->contains(ids[trace_of_row[row]])) wanted.Set(row);
  });
  rows.some = std::move(wanted);
  return rows;
}

Result<TagValues> RootValues(const SpanView& view, Intrinsic intrinsic, const TagOptions& options) {
  Selector selector(view, options);
  TraceIds traces;
  if (!selector.everything()) {
    TOCSIN_RETURN_IF_ERROR(
        selector.ForEach([&](const SpanBlock& block, const Rows& rows) -> Result<bool> {
          const auto ids = Selector::TracesOf(block, rows, &traces);
          if (!ids) return Failure(ids.error());
          return true;
        }));
  }
  Field field;
  if (intrinsic == Intrinsic::kRootName) {
    field.intrinsic = Intrinsic::kName;
  } else {
    field.scope = Scope::kResource;
    field.name = "service.name";
  }
  ValueCollector values(options);
  for (const BlockPtr& block : view.blocks()) {
    TOCSIN_RETURN_IF_ERROR(Ask(options));
    TOCSIN_ASSIGN_OR_RETURN(const Rows rows,
                            RootRows(*block, selector.everything() ? nullptr : &traces));
    if (rows.None()) continue;
    TOCSIN_ASSIGN_OR_RETURN(const std::vector<ColumnPtr> columns, ColumnsOf(field, *block));
    bool go_on = true;
    for (const ColumnPtr& column : columns) go_on = go_on && values.AddColumn(*column, rows, true);
    if (!go_on) break;
  }
  return values.Finish(static_cast<uint32_t>(view.blocks().size()));
}

TagValues Keywords(std::vector<std::string_view> words) {
  std::ranges::sort(words);
  TagValues values;
  for (const std::string_view word : words) {
    values.values.push_back({TagType::kKeyword, std::string(word)});
  }
  return values;
}

// `span.a b/c`: what no token of the language can be without quotes.
std::optional<Field> SplitName(std::string_view name) {
  Field field;
  const size_t dot = name.find('.');
  if (dot == std::string_view::npos || dot + 1 == name.size()) return std::nullopt;
  if (dot > 0) {
    field.scope = FindScope(name.substr(0, dot));
    if (field.scope == Scope::kAny) return std::nullopt;
  }
  field.name = name.substr(dot + 1);
  return field;
}

}  // namespace

Result<TagNames> FindTagNames(const SpanView& view, std::optional<AttrScope> scope,
                              const TagOptions& options) {
  NameCollector names(scope, options);
  TOCSIN_RETURN_IF_ERROR(
      Selector(view, options).ForEach([&](const SpanBlock& block, const Rows& rows) {
        return names.Visit(block, rows);
      }));
  return names.Finish(static_cast<uint32_t>(view.blocks().size()));
}

std::string_view TagTypeName(TagType type) {
  static constexpr std::array<std::string_view, 5> kNames = {"string", "int", "float", "bool",
                                                             "keyword"};
  return kNames[static_cast<size_t>(type)];
}

Result<TagValues> FindTagValues(const SpanView& view, const Field& field,
                                const TagOptions& options) {
  if (field.of_parent) return TagValues{};
  if (field.intrinsic == Intrinsic::kStatus) {
    return Keywords({StatusWord(SpanStatus::kUnset), StatusWord(SpanStatus::kOk),
                     StatusWord(SpanStatus::kError)});
  }
  if (field.intrinsic == Intrinsic::kKind) {
    return Keywords({KindWord(SpanKind::kUnspecified), KindWord(SpanKind::kInternal),
                     KindWord(SpanKind::kServer), KindWord(SpanKind::kClient),
                     KindWord(SpanKind::kProducer), KindWord(SpanKind::kConsumer)});
  }
  if (field.intrinsic == Intrinsic::kRootName || field.intrinsic == Intrinsic::kRootService) {
    return RootValues(view, field.intrinsic, options);
  }
  ValueCollector values(options);
  const bool skip_empty = field.intrinsic != Intrinsic::kNone;
  TOCSIN_RETURN_IF_ERROR(
      Selector(view, options)
          .ForEach([&](const SpanBlock& block, const Rows& rows) -> Result<bool> {
            TOCSIN_ASSIGN_OR_RETURN(const std::vector<ColumnPtr> columns, ColumnsOf(field, block));
            for (const ColumnPtr& column : columns) {
              if (!values.AddColumn(*column, rows, skip_empty)) return false;
            }
            return true;
          }));
  return values.Finish(static_cast<uint32_t>(view.blocks().size()));
}

std::vector<std::string_view> IntrinsicTags() {
  return {"duration",
          "event:name",
          "event:timeSinceStart",
          "instrumentation:name",
          "instrumentation:version",
          "kind",
          "name",
          "rootName",
          "rootServiceName",
          "span:duration",
          "span:kind",
          "span:name",
          "span:status",
          "span:statusMessage",
          "status",
          "statusMessage",
          "trace:duration",
          "trace:rootName",
          "trace:rootService",
          "traceDuration"};
}

Result<Field> ParseTagName(std::string_view name, bool strict) {
  Lexer lexer(name, true);
  if (Result<Token> token = lexer.Next(); token.has_value()) {
    const Result<Token> next = lexer.Next();
    const bool alone = next.has_value() && next->kind == Token::Kind::kEnd;
    if (alone && token->kind == Token::Kind::kField) return std::move(token->field);
  }
  Field field;
  field.intrinsic = FindIntrinsic(name);
  if (field.intrinsic != Intrinsic::kNone) return field;
  if (std::optional<Field> split = SplitName(name)) return *std::move(split);
  if (strict || name.empty()) {
    return InvalidArgumentError("tag name is not valid intrinsic or scoped attribute: " +
                                std::string(name));
  }
  field.name = name;
  return field;
}

}  // namespace tocsin::traceql
