/// Walks the tree of a template and appends to the output. Every node costs a step, every KiB of
/// text that comes into being or is looked at one more, and every value that a function gives is
/// held against the memory, so that no template runs long or grows large. Private to this folder.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/template/ast.h"
#include "cpp/template/parser.h"
#include "cpp/template/template.h"

namespace tocsin::tmpl::internal {

/// Functions that see the arguments before they are evaluated, or the evaluator itself.
enum class Special : uint8_t { kAnd, kOr, kPrint, kPrintf, kPrintln, kHtml, kJs, kUrlquery, kTmpl };

enum class Flow : uint8_t { kNormal, kBreak, kContinue };

class Evaluator {
 public:
  /// All three are borrowed.
  Evaluator(const Program& program, const Functions& functions, const Limits& limits)
      : program_(program), here_(&program), functions_(functions), work_(limits) {}

  /// To be called once.
  Result<std::string> Run(const Value& data, const Variables& variables);

 private:
  class Frame;

  // Nodes: evaluator.cc.
  Result<Flow> Walk(const std::vector<Node>& nodes, const Value& dot);
  Result<Flow> WalkNode(const Node& node, const Value& dot);
  Result<Flow> WalkBranch(const Node& node, const Value& dot);
  Result<Flow> WalkRange(const Node& node, const Value& dot);
  /// Calls `visit(key, element)` for each element; nullopt if there is nothing to range over.
  template <class Visit>
  Result<bool> ForEach(const Node& node, const Value& subject, const Visit& visit);
  Status Invoke(std::string_view name, const Value& dot, size_t offset);

  // Pipelines: evaluate_pipeline.cc.
  Result<Value> Evaluate(const Pipeline& pipeline, const Value& dot);
  /// `last`: what the command before in the pipeline gave, or null.
  Result<Value> EvaluateCommand(const Command& command, const Value& dot, const Value* last);
  Result<Value> EvaluateOperand(const Operand& operand, const Value& dot);
  Result<Value> StartOf(const Operand& operand, const Value& dot);
  Result<Value> Field(const Value& value, const std::string& name, const Operand& operand);
  Result<std::vector<Value>> Arguments(const Command& command, const Value& dot, const Value* last);
  Result<Value> Call(const Operand& function, const std::vector<Value>& arguments);
  Result<Value> CallOwn(const Value& receiver, const std::string& method,
                        std::span<const Value> arguments, size_t offset);
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
  /// Charges for looking at all of the texts and at every item of the lists.
  Status SpendOn(std::span<const Value> arguments, size_t offset);
  Result<Value> Taken(Value value, size_t offset);

  Failure ErrorAt(size_t offset, std::string_view message) const {
    return InvalidArgumentError(Place(offset) + std::string(message));
  }
  /// What a function, a method or the work complains about, with the place; `before` says who.
  Failure At(size_t offset, std::string_view before, const Status& error) const {
    return {error.code() == StatusCode::kResourceExhausted ? error.code()
                                                           : StatusCode::kInvalidArgument,
            Place(offset).append(before).append(error.message())};
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
  Work work_;  ///< Before all that holds values.
  std::string out_;
  std::vector<std::pair<std::string_view, Value>> variables_;  ///< Innermost last.
  int depth_ = 0;   ///< Of templates that expand templates.
  int frames_ = 0;  ///< Of Walk and Evaluate within each other.
};

/// Bounds the stack: nested nodes times nested templates would be more than a thread has.
inline constexpr int kFramesMax = 1'200;

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

}  // namespace tocsin::tmpl::internal
