// Walks the tree and appends to the output. Every node costs a step, and every KiB of text that
// comes into being costs one more, so that no template runs long or grows large.

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "cpp/base/url.h"
#include "cpp/template/ast.h"
#include "cpp/template/builtins.h"
#include "cpp/template/go_format.h"
#include "cpp/template/methods.h"
#include "cpp/template/parser.h"
#include "cpp/template/template.h"

namespace tocsin::tmpl {
namespace internal {
namespace {

/// Functions that see the arguments before they are evaluated, or the evaluator itself.
enum class Special : uint8_t { kAnd, kOr, kPrint, kPrintf, kPrintln, kHtml, kJs, kUrlquery, kTmpl };

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

enum class Flow : uint8_t { kNormal, kBreak, kContinue };

class Evaluator {
 public:
  Evaluator(const Program& program, const Functions& functions, const Limits& limits)
      : program_(program), here_(&program), functions_(functions), limits_(limits) {}

  Result<std::string> Run(const Value& data, const Variables& variables) {
    variables_.emplace_back("$", data);
    for (const auto& [name, value] : variables) variables_.emplace_back(name, value);
    TOCSIN_ASSIGN_OR_RETURN(const Flow flow, Walk(program_.main, data));
    TOCSIN_CHECK(flow == Flow::kNormal);  // The parser lets break stand in a range only.
    return std::move(out_);
  }

 private:
  class Frame;

  Result<Flow> Walk(const std::vector<Node>& nodes, const Value& dot);
  Result<Flow> WalkNode(const Node& node, const Value& dot);
  Result<Flow> WalkBranch(const Node& node, const Value& dot);
  Result<Flow> WalkRange(const Node& node, const Value& dot);
  /// Calls `visit(key, element)` for each element; nullopt if there is nothing to range over.
  template <class Visit>
  Result<bool> ForEach(const Node& node, const Value& subject, const Visit& visit);
  Status Invoke(std::string_view name, const Value& dot, size_t offset);

  Result<Value> Evaluate(const Pipeline& pipeline, const Value& dot);
  /// `last`: what the command before in the pipeline gave, or null.
  Result<Value> EvaluateCommand(const Command& command, const Value& dot, const Value* last);
  Result<Value> EvaluateOperand(const Operand& operand, const Value& dot);
  Result<Value> StartOf(const Operand& operand, const Value& dot);
  Result<Value> Field(const Value& value, const std::string& name, const Operand& operand);
  Result<std::vector<Value>> Arguments(const Command& command, const Value& dot, const Value* last);
  Result<Value> Call(const Operand& function, const std::vector<Value>& arguments);
  Result<Value> CallSpecial(Special special, const Operand& function,
                            const std::vector<Value>& arguments);
  Result<Value> ShortCircuit(bool stop_at, const Command& command, const Value& dot,
                             const Value* last);
  Result<Value> Print(Special special, const Operand& function,
                      const std::vector<Value>& arguments);
  Result<Value> ExpandNamed(const Operand& function, const std::vector<Value>& arguments);
  Status SetVariable(const std::string& name, bool assigns, const Value& value, size_t offset);
  Status Emit(std::string_view text, size_t offset);
  Status Spend(uint64_t steps, size_t offset);

  Failure ErrorAt(size_t offset, std::string_view message) const {
    return InvalidArgumentError(Place(offset) + std::string(message));
  }
  Failure TooLarge(size_t offset, std::string_view what) const {
    return ResourceExhaustedError(Place(offset) + std::string(what));
  }
  std::string Place(size_t offset) const {
    const std::string position = PositionOf(here_->text, offset) + ": ";
    return here_->name.empty() ? position : here_->name + ": " + position;
  }

  const Program& program_;
  const Program* here_;  ///< The one whose nodes are walked: program_ or one of its libraries.
  const Functions& functions_;
  const Limits& limits_;
  std::string out_;
  std::vector<std::pair<std::string_view, Value>> variables_;  ///< Innermost last.
  uint64_t steps_ = 0;
  int depth_ = 0;   ///< Of templates that expand templates.
  int frames_ = 0;  ///< Of Walk and Evaluate within each other.
};

/// Bounds the stack: nested nodes times nested templates would be more than a thread has.
constexpr int kFramesMax = 400;

class Evaluator::Frame {
 public:
  explicit Frame(Evaluator* evaluator) : evaluator_(*evaluator) { ++evaluator_.frames_; }
  ~Frame() { --evaluator_.frames_; }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;
  bool TooDeep() const { return evaluator_.frames_ > kFramesMax; }

 private:
  Evaluator& evaluator_;
};

Status Evaluator::Spend(uint64_t steps, size_t offset) {
  steps_ += steps;
  if (steps_ > limits_.steps_max) return TooLarge(offset, "the template takes too many steps");
  return {};
}

Status Evaluator::Emit(std::string_view text, size_t offset) {
  if (out_.size() + text.size() > limits_.bytes_max) {
    return TooLarge(offset,
                    "the output is larger than " + std::to_string(limits_.bytes_max) + " bytes");
  }
  out_.append(text);
  return Spend(text.size() >> 10, offset);
}

Result<Flow> Evaluator::Walk(const std::vector<Node>& nodes, const Value& dot) {
  const Frame frame(this);
  if (frame.TooDeep()) return TooLarge(nodes.empty() ? 0 : nodes[0].offset, "nested too deeply");
  for (const Node& node : nodes) {
    TOCSIN_ASSIGN_OR_RETURN(const Flow flow, WalkNode(node, dot));
    if (flow != Flow::kNormal) return flow;
  }
  return Flow::kNormal;
}

Result<Flow> Evaluator::WalkNode(const Node& node, const Value& dot) {
  TOCSIN_RETURN_IF_ERROR(Spend(1, node.offset));
  switch (node.kind) {
    case Node::Kind::kText:
      TOCSIN_RETURN_IF_ERROR(Emit(node.text, node.offset));
      break;
    case Node::Kind::kAction: {
      TOCSIN_ASSIGN_OR_RETURN(const Value value, Evaluate(*node.pipeline, dot));
      if (!node.pipeline->variables.empty()) break;
      if (value.IsNil()) {
        TOCSIN_RETURN_IF_ERROR(Emit("<no value>", node.offset));
        break;
      }
      const std::optional<std::string> text = PrintValue(value, limits_.bytes_max);
      if (!text) return TooLarge(node.offset, "the value is too large to print");
      TOCSIN_RETURN_IF_ERROR(Emit(*text, node.offset));
      break;
    }
    case Node::Kind::kIf:
    case Node::Kind::kWith:
      return WalkBranch(node, dot);
    case Node::Kind::kRange:
      return WalkRange(node, dot);
    case Node::Kind::kTemplate: {
      Value argument;
      if (node.pipeline) {
        TOCSIN_ASSIGN_OR_RETURN(argument, Evaluate(*node.pipeline, dot));
      }
      TOCSIN_RETURN_IF_ERROR(Invoke(node.text, argument, node.offset));
      break;
    }
    case Node::Kind::kBreak:
      return Flow::kBreak;
    case Node::Kind::kContinue:
      return Flow::kContinue;
  }
  return Flow::kNormal;
}

Result<Flow> Evaluator::WalkBranch(const Node& node, const Value& dot) {
  const size_t scope = variables_.size();
  TOCSIN_ASSIGN_OR_RETURN(const Value value, Evaluate(*node.pipeline, dot));
  Result<Flow> flow = Flow::kNormal;
  if (!value.Truth()) {
    flow = Walk(node.otherwise, dot);
  } else {
    flow = Walk(node.body, node.kind == Node::Kind::kWith ? value : dot);
  }
  variables_.resize(scope);
  return flow;
}

template <class Visit>
Result<bool> Evaluator::ForEach(const Node& node, const Value& subject, const Visit& visit) {
  bool any = false;
  const auto visit_one = [&](const Value& key, const Value& element) -> Result<bool> {
    any = true;
    TOCSIN_ASSIGN_OR_RETURN(const Flow flow, visit(key, element));
    return flow != Flow::kBreak;
  };
  if (const List* list = subject.AsList()) {
    for (size_t i = 0; i < list->size(); ++i) {
      TOCSIN_ASSIGN_OR_RETURN(const bool more,
                              visit_one(Value(static_cast<int64_t>(i)), (*list)[i]));
      if (!more) break;
    }
  } else if (const Map* map = subject.AsMap()) {
    for (const auto& [key, element] : map->entries) {
      TOCSIN_ASSIGN_OR_RETURN(const bool more, visit_one(Value(key), element));
      if (!more) break;
    }
  } else if (const int64_t* count = subject.AsInt()) {
    for (int64_t i = 0; i < *count; ++i) {
      TOCSIN_ASSIGN_OR_RETURN(const bool more, visit_one(Value(i), Value(i)));
      if (!more) break;
    }
  } else if (!subject.IsNil()) {
    return ErrorAt(node.pipeline->offset, "range can't iterate over " + subject.TypeName());
  }
  return any;
}

Result<Flow> Evaluator::WalkRange(const Node& node, const Value& dot) {
  const size_t scope = variables_.size();
  const Pipeline& pipeline = *node.pipeline;
  TOCSIN_ASSIGN_OR_RETURN(const Value subject, Evaluate(pipeline, dot));
  const auto visit = [&](const Value& key, const Value& element) -> Result<Flow> {
    TOCSIN_RETURN_IF_ERROR(Spend(1, node.offset));
    const size_t inner = variables_.size();
    const auto& names = pipeline.variables;
    if (names.size() == 2) {
      TOCSIN_RETURN_IF_ERROR(SetVariable(names[0], pipeline.assigns, key, node.offset));
    }
    if (!names.empty()) {
      TOCSIN_RETURN_IF_ERROR(SetVariable(names.back(), pipeline.assigns, element, node.offset));
    }
    TOCSIN_ASSIGN_OR_RETURN(const Flow flow, Walk(node.body, element));
    variables_.resize(inner);
    return flow;
  };
  TOCSIN_ASSIGN_OR_RETURN(const bool any, ForEach(node, subject, visit));
  variables_.resize(scope);
  if (any) return Flow::kNormal;
  Result<Flow> flow = Walk(node.otherwise, dot);
  variables_.resize(scope);
  return flow;
}

Status Evaluator::Invoke(std::string_view name, const Value& dot, size_t offset) {
  const Program* owner = &program_;
  auto definition = owner->definitions.find(name);
  while (definition == owner->definitions.end() && owner->library != nullptr) {
    owner = owner->library.get();
    definition = owner->definitions.find(name);
  }
  if (definition == owner->definitions.end()) {
    return ErrorAt(offset, "template \"" + std::string(name) + "\" not defined");
  }
  if (depth_ == limits_.depth_max) {
    return TooLarge(
        offset, "templates are nested more than " + std::to_string(limits_.depth_max) + " deep");
  }
  ++depth_;
  const Program* const caller = std::exchange(here_, owner);
  auto outer = std::exchange(variables_, {{"$", dot}});
  TOCSIN_ASSIGN_OR_RETURN(const Flow flow, Walk(definition->second, dot));
  TOCSIN_CHECK(flow == Flow::kNormal);
  variables_ = std::move(outer);
  here_ = caller;
  --depth_;
  return {};
}

Status Evaluator::SetVariable(const std::string& name, bool assigns, const Value& value,
                              size_t offset) {
  if (!assigns) {
    variables_.emplace_back(name, value);
    return {};
  }
  for (auto it = variables_.rbegin(); it != variables_.rend(); ++it) {
    if (it->first != name) continue;
    it->second = value;
    return {};
  }
  return ErrorAt(offset, "undefined variable: " + name);
}

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
  Result<Value> value = CallMethod(receiver, method, arguments);
  if (!value.has_value()) {
    return ErrorAt(head.offset, "calling " + method + ": " + std::string(value.error().message()));
  }
  return value;
}

Result<Value> Evaluator::StartOf(const Operand& operand, const Value& dot) {
  switch (operand.kind) {
    case Operand::Kind::kDot:
      return dot;
    case Operand::Kind::kNil:
      return Value();
    case Operand::Kind::kConstant:
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
  return InternalError("an operand of no kind");
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
    Result<Value> result = CallMethod(value, name, {});
    if (result.has_value()) return result;
    return ErrorAt(operand.offset,
                   "calling " + name + ": " + std::string(result.error().message()));
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
  if (entry == functions_.end()) {
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
  Result<Value> value = definition.call(arguments);
  if (!value.has_value()) {
    return ErrorAt(function.offset,
                   "error calling " + name + ": " + std::string(value.error().message()));
  }
  if (value->depth() > limits_.depth_max) {
    return TooLarge(function.offset, "a value is nested too deeply");
  }
  if (const std::string* text = value->AsString()) {
    if (text->size() > limits_.bytes_max) return TooLarge(function.offset, "a text is too large");
    TOCSIN_RETURN_IF_ERROR(Spend(text->size() >> 10, function.offset));
  }
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
  std::optional<std::string> text;
  if (special == Special::kPrintf) {
    const std::string* format = arguments.empty() ? nullptr : arguments[0].AsString();
    if (format == nullptr) {
      return ErrorAt(function.offset, "printf takes a format, which is a string");
    }
    text = Sprintf(*format, std::span(arguments).subspan(1), limits_.bytes_max);
  } else if (special == Special::kPrintln) {
    text = Sprintln(arguments, limits_.bytes_max);
  } else {
    text = Sprint(arguments, limits_.bytes_max);
  }
  if (!text) return TooLarge(function.offset, "a text is too large");
  TOCSIN_RETURN_IF_ERROR(Spend(text->size() >> 10, function.offset));
  if (special == Special::kHtml) return Value(EscapeHtml(*text));
  if (special == Special::kJs) return Value(EscapeJs(*text));
  if (special == Special::kUrlquery) return Value(EscapeQuery(*text));
  return Value(*std::move(text));
}

Result<Value> Evaluator::ExpandNamed(const Operand& function, const std::vector<Value>& arguments) {
  const std::string* name = arguments.size() == 2 ? arguments[0].AsString() : nullptr;
  if (name == nullptr) {
    return ErrorAt(function.offset, "tmpl takes the name of a template and its data");
  }
  std::string outer = std::exchange(out_, {});
  TOCSIN_RETURN_IF_ERROR(Invoke(*name, arguments[1], function.offset));
  return Value(std::exchange(out_, std::move(outer)));
}

}  // namespace

bool IsBuiltin(std::string_view name) {
  return FindSpecial(name).has_value() || PureBuiltins().contains(name);
}

}  // namespace internal

Result<Template> Template::Parse(std::string_view text, const Functions& functions,
                                 std::span<const std::string_view> variables) {
  TOCSIN_ASSIGN_OR_RETURN(std::shared_ptr<const internal::Program> program,
                          internal::ParseProgram(text, functions, variables));
  return Template(std::move(program));
}

Result<Template> Template::ParseWithLibrary(std::string_view text, std::string_view name,
                                            const Functions& functions, const Template& library) {
  auto program = internal::ParseProgram(text, functions, {}, {name, library.program_});
  if (program.has_value()) return Template(*std::move(program));
  if (name.empty()) return Failure(program.error());
  return Failure(program.error().WithContext(name));
}

Result<std::string> Template::Execute(const Value& data, const Functions& functions,
                                      const Variables& variables, const Limits& limits) const {
  return internal::Evaluator(*program_, functions, limits).Run(data, variables);
}

}  // namespace tocsin::tmpl
