/// The tree of a parsed template. Private to this folder.

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/template/value.h"

namespace tocsin::tmpl::internal {

struct Pipeline;

/// One word of a command: what it starts from, and the fields taken from that.
struct Operand {
  enum class Kind : uint8_t { kDot, kNil, kConstant, kVariable, kFunction, kPipeline };
  Kind kind = Kind::kDot;
  Value constant;                      ///< kConstant; nil for an integer of more than 63 bits.
  std::string name;                    ///< kVariable ("$x", or "$"), kFunction, such an integer.
  std::unique_ptr<Pipeline> pipeline;  ///< kPipeline: what stood in parentheses.
  std::vector<std::string> fields;     ///< ".a.b" gives a, b.
  size_t offset = 0;                   ///< In the text, for errors.
};

/// A function, method or value, and its arguments.
struct Command {
  std::vector<Operand> words;  ///< At least one.
};

struct Pipeline {
  std::vector<std::string> variables;  ///< Declared or assigned: none, one, or in a range two.
  bool assigns = false;                ///< "=" and not ":=".
  bool in_range = false;               ///< Of a range, which sets the variables itself.
  std::vector<Command> commands;       ///< At least one.
  size_t offset = 0;
};

struct Node {
  enum class Kind : uint8_t { kText, kAction, kIf, kRange, kWith, kTemplate, kBreak, kContinue };
  Kind kind = Kind::kText;
  std::string text;                    ///< kText; kTemplate: the name.
  std::unique_ptr<Pipeline> pipeline;  ///< Null for a kTemplate without an argument.
  std::vector<Node> body;
  /// kIf, kWith: {{else if}} and {{else with}} in their order, of which each has a pipeline and a
  /// body. Side by side and not within each other: ladders may be long.
  std::vector<Node> ladder;
  std::vector<Node> otherwise;  ///< After the last {{else}}.
  size_t offset = 0;
};

struct Program {
  std::string name;  ///< Of the file that it comes from; may be empty.
  std::string text;  ///< As it was given, for positions.
  std::vector<Node> main;
  std::map<std::string, std::vector<Node>, std::less<>> definitions;
  std::shared_ptr<const Program> library;  ///< Whose definitions count where it has none; or null.
};

/// "line 2, column 5" of an offset, both from 1, the column in bytes.
std::string PositionOf(std::string_view text, size_t offset);

}  // namespace tocsin::tmpl::internal
