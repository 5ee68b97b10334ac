// Pipelines: commands, operands with their fields and methods, and calls of functions.

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>

#include "cpp/base/url.h"
#include "cpp/template/builtins.h"
#include "cpp/template/evaluator.h"
#include "cpp/template/go_format.h"
#include "cpp/template/methods.h"

namespace tocsin::tmpl::internal {
namespace {

constexpr std::array<std::pair<std::string_view, Special>, 9> kSpecials{
    {{"and", Special::kAnd},
     {"or", Special::kOr},
     {"print", Special::kPrint},
     {"printf", Special::kPrintf},
     {"println", Special::kPrintln},
     {"html", Special::kHtml},
     {"js", Special::kJs},
     {"urlquery", Special::kUrlquery},
     {"tmpl", Special::kTmpl}}};

std::optional<Special> FindSpecial(std::string_view name) {
  const auto* it =
      std::ranges::find(kSpecials, name, [](const auto& entry) { return entry.first; });
  if (it == kSpecials.end()) return std::nullopt;
  return it->second;
}

}  // namespace

Result<Value> Evaluator::Evaluate(const Pipeline& pipeline, const Value& dot) {
  const Frame frame(this);
  if (frame.TooDeep()) return TooLarge(pipeline.offset, "nested too deeply");
  Value value;
  bool first = true;
  for (const Command& command : pipeline.commands) {
    TOCSIN_ASSIGN_OR_RETURN(value, EvaluateCommand(command, dot, first ? nullptr : &value));
    first = false;
  }
  // The variables of a range are set once an element, by the range itself.
  if (pipeline.variables.size() == 1 && !pipeline.in_range) {
    TOCSIN_RETURN_IF_ERROR(
        SetVariable(pipeline.variables[0], pipeline.assigns, value, pipeline.offset));
  }
  return value;
}

Result<std::vector<Value>> Evaluator::Arguments(const Command& command, const Value& dot,
                                                const Value* last) {
  std::vector<Value> arguments;
  for (size_t i = 1; i < command.words.size(); ++i) {
    TOCSIN_ASSIGN_OR_RETURN(Value argument, EvaluateOperand(command.words[i], dot));
    arguments.push_back(std::move(argument));
  }
  if (last != nullptr) arguments.push_back(*last);
  return arguments;
}

Result<Value> Evaluator::EvaluateCommand(const Command& command, const Value& dot,
                                         const Value* last) {
  const Operand& head = command.words.front();
  TOCSIN_RETURN_IF_ERROR(Spend(command.words.size(), head.offset));
  const bool has_arguments = command.words.size() > 1 || last != nullptr;
  if (head.kind == Operand::Kind::kNil) return ErrorAt(head.offset, "nil is not a command");
  if (head.kind == Operand::Kind::kFunction && head.fields.empty()) {
    if (head.name == "and") return ShortCircuit(false, command, dot, last);
    if (head.name == "or") return ShortCircuit(true, command, dot, last);
    TOCSIN_ASSIGN_OR_RETURN(const std::vector<Value> arguments, Arguments(command, dot, last));
    return Call(head, arguments);
  }
  if (!has_arguments) return EvaluateOperand(head, dot);
  // Of everything else only the method at the end of a chain takes arguments.
  if (head.fields.empty()) {
    return ErrorAt(head.offset, "can't give argument to non-function");
  }
  TOCSIN_ASSIGN_OR_RETURN(Value receiver, StartOf(head, dot));
  for (size_t i = 0; i + 1 < head.fields.size(); ++i) {
    TOCSIN_ASSIGN_OR_RETURN(receiver, Field(receiver, head.fields[i], head));
  }
  const std::string& method = head.fields.back();
  if (!HasMethod(receiver, method)) {
    return ErrorAt(head.offset, method + " has arguments but cannot be invoked as function");
  }
  TOCSIN_ASSIGN_OR_RETURN(const std::vector<Value> arguments, Arguments(command, dot, last));
  return CallOwn(receiver, method, arguments, head.offset);
}

Result<Value> Evaluator::CallOwn(const Value& receiver, const std::string& method,
                                 std::span<const Value> arguments, size_t offset) {
  TOCSIN_RETURN_IF_ERROR(SpendOn(arguments, offset));
  Result<Value> value = CallMethod(receiver, method, arguments);
  if (!value.has_value()) return At(offset, "calling " + method + ": ", value.error());
  return Taken(*std::move(value), offset);
}

Result<Value> Evaluator::StartOf(const Operand& operand, const Value& dot) {
  switch (operand.kind) {
    case Operand::Kind::kDot:
      return dot;
    case Operand::Kind::kNil:
      break;
    case Operand::Kind::kConstant:
      if (operand.constant.IsNil()) return ErrorAt(operand.offset, operand.name + " overflows int");
      return operand.constant;
    case Operand::Kind::kVariable:
      for (auto it = variables_.rbegin(); it != variables_.rend(); ++it) {
        if (it->first == operand.name) return it->second;
      }
      return ErrorAt(operand.offset, "undefined variable: " + operand.name);
    case Operand::Kind::kFunction:
      return Call(operand, {});
    case Operand::Kind::kPipeline:
      return Evaluate(*operand.pipeline, dot);
  }
  Value nil;
  return nil;
}

Result<Value> Evaluator::EvaluateOperand(const Operand& operand, const Value& dot) {
  TOCSIN_ASSIGN_OR_RETURN(Value value, StartOf(operand, dot));
  for (const std::string& field : operand.fields) {
    TOCSIN_ASSIGN_OR_RETURN(value, Field(value, field, operand));
  }
  return value;
}

Result<Value> Evaluator::Field(const Value& value, const std::string& name,
                               const Operand& operand) {
  if (value.IsNil()) {
    // Only a dot that is nil as a whole has every field, and each is nil.
    const bool whole = operand.kind == Operand::Kind::kDot && &name == &operand.fields.front();
    if (whole) return Value();
    return ErrorAt(operand.offset, "nil pointer evaluating interface {}." + name);
  }
  const bool is_method = value.type() != nullptr && HasMethod(value, name);
  if (const Map* map = value.AsMap(); map != nullptr && !is_method) {
    const auto entry = map->entries.find(name);
    if (entry != map->entries.end()) return entry->second;
    return map->of_strings ? Value("") : Value();
  }
  if (const Record* record = value.AsRecord()) {
    for (const auto& [field, content] : record->fields) {
      if (field == name) return content;
    }
  } else if (HasMethod(value, name)) {
    return CallOwn(value, name, {}, operand.offset);
  }
  return ErrorAt(operand.offset, "can't evaluate field " + name + " in type " + value.TypeName());
}

Result<Value> Evaluator::ShortCircuit(bool stop_at, const Command& command, const Value& dot,
                                      const Value* last) {
  const Operand& head = command.words.front();
  if (command.words.size() == 1 && last == nullptr) {
    return ErrorAt(head.offset,
                   "wrong number of args for " + head.name + ": want at least 1 got 0");
  }
  Value value;
  for (size_t i = 1; i < command.words.size(); ++i) {
    TOCSIN_ASSIGN_OR_RETURN(value, EvaluateOperand(command.words[i], dot));
    if (value.Truth() == stop_at) return value;
  }
  return last != nullptr ? *last : value;
}

Result<Value> Evaluator::Call(const Operand& function, const std::vector<Value>& arguments) {
  if (const std::optional<Special> special = FindSpecial(function.name)) {
    return CallSpecial(*special, function, arguments);
  }
  auto entry = functions_.find(function.name);
  const bool builtin = entry == functions_.end();
  if (builtin) {
    entry = PureBuiltins().find(function.name);
    if (entry == PureBuiltins().end()) {
      return ErrorAt(function.offset, "\"" + function.name + "\" is not a defined function");
    }
  }
  const auto& [name, definition] = *entry;
  if (arguments.size() < definition.arguments_min || arguments.size() > definition.arguments_max) {
    const bool open = definition.arguments_max > definition.arguments_min;
    return ErrorAt(function.offset, "wrong number of args for " + name + ": want " +
                                        (open ? "at least " : "") +
                                        std::to_string(definition.arguments_min) + " got " +
                                        std::to_string(arguments.size()));
  }
  // Those of the language take one step in a text or list of any size, or compare it with another.
  const std::span<const Value> read(arguments);
  TOCSIN_RETURN_IF_ERROR(
      SpendOn(builtin && !read.empty() ? read.subspan(1) : read, function.offset));
  Result<Value> value =
      definition.working ? definition.working(arguments, &work_) : definition.call(arguments);
  if (!value.has_value()) {
    return At(function.offset, "error calling " + name + ": ", value.error());
  }
  return Taken(*std::move(value), function.offset);
}

Status Evaluator::SpendOn(std::span<const Value> arguments, size_t offset) {
  uint64_t bytes = 0;
  size_t weight = 0;
  for (const Value& argument : arguments) {
    if (const std::string* text = argument.AsString()) bytes += text->size();
    if (const List* list = argument.AsList()) bytes += list->size() * sizeof(Value);
    if (const Map* map = argument.AsMap()) bytes += map->entries.size() * sizeof(Value);
    if (__builtin_add_overflow(weight, argument.weight(), &weight)) weight = SIZE_MAX;
  }
  // A function may copy what it is given, and then nothing is shared any more.
  if (weight > work_.limits().memory_max) return TooLarge(offset, "the arguments are too large");
  return Spend(bytes >> 10, offset);
}

Result<Value> Evaluator::Taken(Value value, size_t offset) {
  const Status status = work_.Take(&value);
  if (!status.ok()) return At(offset, {}, status);
  return value;
}

Result<Value> Evaluator::CallSpecial(Special special, const Operand& function,
                                     const std::vector<Value>& arguments) {
  switch (special) {
    case Special::kAnd:
    case Special::kOr:
      // With arguments they went to ShortCircuit.
      return ErrorAt(function.offset,
                     "wrong number of args for " + function.name + ": want at least 1 got 0");
    case Special::kTmpl:
      return ExpandNamed(function, arguments);
    default:
      return Print(special, function, arguments);
  }
}

Result<Value> Evaluator::Print(Special special, const Operand& function,
                               const std::vector<Value>& arguments) {
  TOCSIN_RETURN_IF_ERROR(SpendOn(arguments, function.offset));
  const size_t bytes_max = work_.limits().bytes_max;
  std::optional<std::string> text;
  if (special == Special::kPrintf) {
    const std::string* format = arguments.empty() ? nullptr : arguments[0].AsString();
    if (format == nullptr) {
      return ErrorAt(function.offset, "printf takes a format, which is a string");
    }
    text = Sprintf(*format, std::span(arguments).subspan(1), bytes_max);
  } else if (special == Special::kPrintln) {
    text = Sprintln(arguments, bytes_max);
  } else {
    text = Sprint(arguments, bytes_max);
  }
  if (!text) return TooLarge(function.offset, "a text is too large");
  if (special == Special::kHtml) text = EscapeHtml(*text);
  if (special == Special::kJs) text = EscapeJs(*text);
  if (special == Special::kUrlquery) text = EscapeQuery(*text);
  return Taken(Value(*std::move(text)), function.offset);
}

Result<Value> Evaluator::ExpandNamed(const Operand& function, const std::vector<Value>& arguments) {
  const std::string* name = arguments.size() == 2 ? arguments[0].AsString() : nullptr;
  if (name == nullptr) {
    return ErrorAt(function.offset, "tmpl takes the name of a template and its data");
  }
  const Result<std::shared_ptr<const void>> held = work_.Hold(out_.size());
  if (!held.has_value()) return At(function.offset, {}, held.error());
  std::string outer = std::exchange(out_, {});
  TOCSIN_RETURN_IF_ERROR(Invoke(*name, arguments[1], function.offset));
  return Taken(Value(std::exchange(out_, std::move(outer))), function.offset);
}

bool IsBuiltin(std::string_view name) {
  return FindSpecial(name).has_value() || PureBuiltins().contains(name);
}

}  // namespace tocsin::tmpl::internal
