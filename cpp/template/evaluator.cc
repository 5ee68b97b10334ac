// Nodes: text, actions, branches, loops and templates that templates invoke.

#include "cpp/template/evaluator.h"

#include <memory>
#include <optional>
#include <span>

#include "cpp/template/go_format.h"

namespace tocsin::tmpl {
namespace internal {

Result<std::string> Evaluator::Run(const Value& data, const Variables& variables) {
  variables_.emplace_back("$", data);
  for (const auto& [name, value] : variables) variables_.emplace_back(name, value);
  TOCSIN_ASSIGN_OR_RETURN(const Flow flow, Walk(program_.main, data));
  TOCSIN_CHECK(flow == Flow::kNormal);  // The parser lets break stand in a range only.
  return std::move(out_);
}

Status Evaluator::Spend(uint64_t steps, size_t offset) {
  const Status status = work_.Spend(steps);
  if (!status.ok()) return At(offset, {}, status);
  return {};
}

Status Evaluator::Emit(std::string_view text, size_t offset) {
  const size_t bytes_max = work_.limits().bytes_max;
  if (out_.size() + text.size() > bytes_max) {
    return TooLarge(offset, "the output is larger than " + std::to_string(bytes_max) + " bytes");
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
      const std::optional<std::string> text = PrintValue(value, work_.limits().bytes_max);
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
  const Node* taken = &node;
  TOCSIN_ASSIGN_OR_RETURN(Value value, Evaluate(*node.pipeline, dot));
  for (const Node& rung : node.ladder) {
    if (value.Truth()) break;
    TOCSIN_RETURN_IF_ERROR(Spend(1, rung.offset));
    taken = &rung;
    TOCSIN_ASSIGN_OR_RETURN(value, Evaluate(*rung.pipeline, dot));
  }
  const bool with = node.kind == Node::Kind::kWith;
  Result<Flow> flow =
      value.Truth() ? Walk(taken->body, with ? value : dot) : Walk(node.otherwise, dot);
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
  const int depth_max = work_.limits().templates_depth_max;
  if (depth_ == depth_max) {
    return TooLarge(offset,
                    "templates are nested more than " + std::to_string(depth_max) + " deep");
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
