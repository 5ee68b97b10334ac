// Recursive descent. A list of nodes ends at {{end}} or {{else}}, which the caller looks at.
// Nesting is bounded, so that no text can exhaust the stack here, in the evaluator or when the tree
// is freed.

#include "cpp/template/parser.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "cpp/template/lexer.h"

namespace tocsin::tmpl::internal {
namespace {

constexpr int kNestingMax = 100;
constexpr std::string_view kSpaces = " \t\r\n";
constexpr std::array<std::string_view, 11> kKeywords{"if",    "else",     "end",   "range",
                                                     "with",  "define",   "block", "template",
                                                     "break", "continue", "nil"};

using Kind = Token::Kind;

class Parser {
 public:
  Parser(std::string_view text, const Functions& functions, Surroundings surroundings)
      : functions_(functions), program_(std::make_shared<Program>()), lexer_({}, 0) {
    program_->name = surroundings.name;
    program_->library = std::move(surroundings.library);
    program_->text = text;
    text_ = program_->text;
  }

  Result<std::shared_ptr<const Program>> Run(std::span<const std::string_view> variables) {
    variables_.emplace_back("$");
    for (const std::string_view name : variables) variables_.emplace_back(name);
    TOCSIN_ASSIGN_OR_RETURN(const Ending ending, ParseList(&program_->main));
    if (ending.keyword != Keyword::kNone) {
      return ErrorAt(ending.offset, ending.keyword == Keyword::kEnd ? "unexpected {{end}}"
                                                                    : "unexpected {{else}}");
    }
    return std::shared_ptr<const Program>(std::move(program_));
  }

 private:
  /// What ended a list of nodes: the end of the text, {{end}} or {{else ...}}.
  enum class Keyword : uint8_t { kNone, kEnd, kElse };
  struct Ending {
    Keyword keyword = Keyword::kNone;
    size_t offset = 0;
  };

  Result<Ending> ParseList(std::vector<Node>* nodes);
  Result<Ending> ParseAction(std::vector<Node>* nodes);
  Result<Ending> ParseKeyword(const Token& keyword, std::vector<Node>* nodes);
  /// Skips a comment if the action that begins here is one.
  Result<bool> SkipComment();
  void TakeText(std::vector<Node>* nodes);
  Status ParseControl(const Token& keyword, Node::Kind kind, std::vector<Node>* nodes);
  Result<Ending> ParseBranch(const Token& keyword, Node* node);
  Status ParseElse(const Token& keyword, Node* node);
  /// Whether {{else if}} or {{else with}} begins here, which goes on with a ladder of `keyword`.
  bool IsRung(const Token& keyword) const {
    return token_.kind == Kind::kIdentifier && token_.text == keyword.text &&
           token_.text != "range";
  }
  Status ParseDefine(const Token& keyword);
  Status ParseInvocation(const Token& keyword, bool defines, std::vector<Node>* nodes);
  Status ParseDefinition(const std::string& name, const Token& keyword);
  bool IsDefined(const std::string& name) const;

  Result<std::unique_ptr<Pipeline>> ParsePipeline(Kind end, bool in_range);
  Status ParseVariables(Pipeline* pipeline, bool in_range);
  Result<Command> ParseCommand(Kind end, bool first);
  Result<Operand> ParseOperand();
  Result<Operand> ParseFunctionOrNil(Operand operand);
  Status Expect(Kind kind, std::string_view what);
  Result<std::string> ParseName(std::string_view where);

  /// Makes token_ the next token of the action.
  Status Advance() {
    TOCSIN_ASSIGN_OR_RETURN(token_, lexer_.Next());
    return {};
  }
  /// REQUIRES: token_ is kEnd. Goes on behind the action.
  void Finish() {
    offset_ = lexer_.offset();
    trim_next_ = token_.trims;
  }
  Failure ErrorAt(size_t offset, std::string_view message) const {
    return InvalidArgumentError(PositionOf(text_, offset) + ": " + std::string(message));
  }
  Failure Unexpected(std::string_view where) const;
  bool Knows(std::string_view variable) const {
    return std::ranges::find(variables_, variable) != variables_.end();
  }

  const Functions& functions_;
  std::shared_ptr<Program> program_;
  std::string_view text_;
  size_t offset_ = 0;       ///< Of the next text or action.
  bool trim_next_ = false;  ///< The text at offset_ follows a trim marker.
  Lexer lexer_;             ///< Of the present action.
  Token token_;
  std::vector<std::string> variables_;  ///< In scope.
  int nesting_ = 0;
  int ranges_ = 0;  ///< How many ranges surround this place.
};

Failure Parser::Unexpected(std::string_view where) const {
  return ErrorAt(token_.offset, "unexpected " + Describe(token_) + " in " + std::string(where));
}

Status Parser::Expect(Kind kind, std::string_view what) {
  if (token_.kind != kind) return Unexpected(what);
  return {};
}

void Parser::TakeText(std::vector<Node>* nodes) {
  const size_t open = std::min(text_.find("{{", offset_), text_.size());
  std::string_view text = text_.substr(offset_, open - offset_);
  if (trim_next_) text.remove_prefix(std::min(text.find_first_not_of(kSpaces), text.size()));
  const std::string_view action = text_.substr(open);
  const bool trims_left =
      action.size() > 3 && action[2] == '-' && kSpaces.find(action[3]) != std::string_view::npos;
  if (trims_left) text = text.substr(0, text.find_last_not_of(kSpaces) + 1);
  if (!text.empty()) {
    Node node;
    node.text = text;
    node.offset = offset_;
    nodes->push_back(std::move(node));
  }
  trim_next_ = false;
  offset_ = open + (trims_left ? 3 : 0);
  if (!trims_left && open < text_.size()) offset_ += 2;
}

Result<bool> Parser::SkipComment() {
  // Behind a trim marker one space stands before the comment.
  const size_t start = std::min(text_.find_first_not_of(kSpaces, offset_), text_.size());
  const bool adjacent = start == offset_ || text_[offset_ - 1] == '-';
  if (!adjacent || !text_.substr(start).starts_with("/*")) return false;
  const size_t end = text_.find("*/", start + 2);
  if (end == std::string_view::npos) return ErrorAt(start, "unclosed comment");
  const std::string_view rest = text_.substr(end + 2);
  const size_t spaces = std::min(rest.find_first_not_of(kSpaces), rest.size());
  if (rest.starts_with("}}")) {
    offset_ = end + 4;
  } else if (spaces > 0 && rest.substr(spaces).starts_with("-}}")) {
    offset_ = end + 2 + spaces + 3;
    trim_next_ = true;
  } else {
    return ErrorAt(start, "comment ends before closing delimiter");
  }
  return true;
}

Result<Parser::Ending> Parser::ParseList(std::vector<Node>* nodes) {
  while (true) {
    TakeText(nodes);
    if (offset_ >= text_.size() && !text_.ends_with("{{")) return Ending{};
    TOCSIN_ASSIGN_OR_RETURN(const bool comment, SkipComment());
    if (comment) continue;
    TOCSIN_ASSIGN_OR_RETURN(const Ending ending, ParseAction(nodes));
    if (ending.keyword != Keyword::kNone) return ending;
  }
}

Result<Parser::Ending> Parser::ParseAction(std::vector<Node>* nodes) {
  lexer_ = Lexer(text_, offset_);
  TOCSIN_RETURN_IF_ERROR(Advance());
  const bool keyword = token_.kind == Kind::kIdentifier && token_.text != "nil" &&
                       std::ranges::find(kKeywords, token_.text) != kKeywords.end();
  if (keyword) {
    const Token first = token_;
    TOCSIN_RETURN_IF_ERROR(Advance());
    return ParseKeyword(first, nodes);
  }
  Node node;
  node.kind = Node::Kind::kAction;
  node.offset = token_.offset;
  TOCSIN_ASSIGN_OR_RETURN(node.pipeline, ParsePipeline(Kind::kEnd, false));
  Finish();
  nodes->push_back(std::move(node));
  return Ending{};
}

Result<Parser::Ending> Parser::ParseKeyword(const Token& keyword, std::vector<Node>* nodes) {
  const std::string& name = keyword.text;
  if (name == "end") {
    TOCSIN_RETURN_IF_ERROR(Expect(Kind::kEnd, "end"));
    Finish();
    return Ending{Keyword::kEnd, keyword.offset};
  }
  // What follows else is read by ParseElse, which knows what it belongs to.
  if (name == "else") return Ending{Keyword::kElse, keyword.offset};
  if (name == "break" || name == "continue") {
    TOCSIN_RETURN_IF_ERROR(Expect(Kind::kEnd, name));
    if (ranges_ == 0) return ErrorAt(keyword.offset, "{{" + name + "}} outside {{range}}");
    Node node;
    node.kind = name == "break" ? Node::Kind::kBreak : Node::Kind::kContinue;
    node.offset = keyword.offset;
    nodes->push_back(std::move(node));
    Finish();
    return Ending{};
  }
  if (++nesting_ > kNestingMax) return ErrorAt(keyword.offset, "nested too deeply");
  Status status;
  if (name == "if") status = ParseControl(keyword, Node::Kind::kIf, nodes);
  if (name == "range") status = ParseControl(keyword, Node::Kind::kRange, nodes);
  if (name == "with") status = ParseControl(keyword, Node::Kind::kWith, nodes);
  if (name == "define") status = ParseDefine(keyword);
  if (name == "template") status = ParseInvocation(keyword, false, nodes);
  if (name == "block") status = ParseInvocation(keyword, true, nodes);
  --nesting_;
  if (!status.ok()) return Failure(std::move(status));
  return Ending{};
}

Status Parser::ParseControl(const Token& keyword, Node::Kind kind, std::vector<Node>* nodes) {
  Node node;
  node.kind = kind;
  node.offset = keyword.offset;
  const size_t scope = variables_.size();
  TOCSIN_ASSIGN_OR_RETURN(Ending ending, ParseBranch(keyword, &node));
  // {{else if x}} is {{else}}{{if x}} whose {{end}} is shared, and so is {{else with x}}.
  while (ending.keyword == Keyword::kElse && IsRung(keyword)) {
    Node rung;
    rung.kind = kind;
    rung.offset = token_.offset;
    TOCSIN_RETURN_IF_ERROR(Advance());
    TOCSIN_ASSIGN_OR_RETURN(ending, ParseBranch(keyword, &rung));
    node.ladder.push_back(std::move(rung));
  }
  if (ending.keyword == Keyword::kElse) TOCSIN_RETURN_IF_ERROR(ParseElse(keyword, &node));
  variables_.resize(scope);
  nodes->push_back(std::move(node));
  return {};
}

/// The pipeline and the body of if, range, with or a rung of a ladder.
Result<Parser::Ending> Parser::ParseBranch(const Token& keyword, Node* node) {
  const bool range = node->kind == Node::Kind::kRange;
  TOCSIN_ASSIGN_OR_RETURN(node->pipeline, ParsePipeline(Kind::kEnd, range));
  Finish();
  if (range) ++ranges_;
  TOCSIN_ASSIGN_OR_RETURN(const Ending ending, ParseList(&node->body));
  if (range) --ranges_;
  if (ending.keyword == Keyword::kNone) {
    return ErrorAt(keyword.offset, "{{" + keyword.text + "}} without {{end}}");
  }
  return ending;
}

Status Parser::ParseElse(const Token& keyword, Node* node) {
  TOCSIN_RETURN_IF_ERROR(Expect(Kind::kEnd, "else"));
  Finish();
  TOCSIN_ASSIGN_OR_RETURN(const Ending ending, ParseList(&node->otherwise));
  if (ending.keyword == Keyword::kEnd) return {};
  if (ending.keyword == Keyword::kElse) {
    return ErrorAt(ending.offset, "expected end; found {{else}}");
  }
  return ErrorAt(keyword.offset, "{{" + keyword.text + "}} without {{end}}");
}

Result<std::string> Parser::ParseName(std::string_view where) {
  const std::string* name = token_.kind == Kind::kConstant ? token_.value.AsString() : nullptr;
  if (name == nullptr) return Unexpected(where);
  return *name;
}

Status Parser::ParseDefine(const Token& keyword) {
  // ParseKeyword has counted one level for the definition itself.
  if (nesting_ > 1) return ErrorAt(keyword.offset, "unexpected {{define}}");
  TOCSIN_ASSIGN_OR_RETURN(const std::string name, ParseName("define clause"));
  TOCSIN_RETURN_IF_ERROR(Advance());
  TOCSIN_RETURN_IF_ERROR(Expect(Kind::kEnd, "define clause"));
  Finish();
  return ParseDefinition(name, keyword);
}

bool Parser::IsDefined(const std::string& name) const {
  for (const Program* program = program_.get(); program != nullptr;
       program = program->library.get()) {
    if (program->definitions.contains(name)) return true;
  }
  return false;
}

/// Nothing but white space.
bool IsBlank(const std::vector<Node>& nodes) {
  return std::ranges::all_of(nodes, [](const Node& node) {
    return node.kind == Node::Kind::kText &&
           node.text.find_first_not_of(" \t\n\v\f\r") == std::string::npos;
  });
}

Status Parser::ParseDefinition(const std::string& name, const Token& keyword) {
  // A definition sees no variable but its own dot.
  std::vector<std::string> outer = std::exchange(variables_, {"$"});
  const int outer_ranges = std::exchange(ranges_, 0);
  std::vector<Node> body;
  TOCSIN_ASSIGN_OR_RETURN(const Ending ending, ParseList(&body));
  if (ending.keyword != Keyword::kEnd) {
    return ErrorAt(keyword.offset, "{{" + keyword.text + "}} without {{end}}");
  }
  variables_ = std::move(outer);
  ranges_ = outer_ranges;
  // A blank definition neither replaces another nor stands in its way.
  if (IsBlank(body) && IsDefined(name)) return {};
  std::vector<Node>& definition = program_->definitions[name];
  if (!IsBlank(definition)) {
    return ErrorAt(keyword.offset, "multiple definition of template \"" + name + "\"");
  }
  definition = std::move(body);
  return {};
}

Status Parser::ParseInvocation(const Token& keyword, bool defines, std::vector<Node>* nodes) {
  Node node;
  node.kind = Node::Kind::kTemplate;
  node.offset = keyword.offset;
  const std::string where = keyword.text + " clause";
  TOCSIN_ASSIGN_OR_RETURN(node.text, ParseName(where));
  TOCSIN_RETURN_IF_ERROR(Advance());
  if (token_.kind != Kind::kEnd) {
    TOCSIN_ASSIGN_OR_RETURN(node.pipeline, ParsePipeline(Kind::kEnd, false));
  } else if (defines) {
    return ErrorAt(token_.offset, "missing value for block clause");
  }
  Finish();
  if (defines) TOCSIN_RETURN_IF_ERROR(ParseDefinition(node.text, keyword));
  nodes->push_back(std::move(node));
  return {};
}

/// Tries "$x :=", "$x =" and in a range "$i, $x :="; what is none of them is left as it was.
Status Parser::ParseVariables(Pipeline* pipeline, bool in_range) {
  if (token_.kind != Kind::kVariable) return {};
  const Lexer before = lexer_;
  const Token first = token_;
  std::vector<std::string> names{first.text};
  TOCSIN_RETURN_IF_ERROR(Advance());
  if (in_range && token_.kind == Kind::kComma) {
    TOCSIN_RETURN_IF_ERROR(Advance());
    TOCSIN_RETURN_IF_ERROR(Expect(Kind::kVariable, "range"));
    names.push_back(token_.text);
    TOCSIN_RETURN_IF_ERROR(Advance());
    if (token_.kind != Kind::kDeclare && token_.kind != Kind::kAssign) return Unexpected("range");
  }
  if (token_.kind != Kind::kDeclare && token_.kind != Kind::kAssign) {
    lexer_ = before;
    token_ = first;
    return {};
  }
  pipeline->assigns = token_.kind == Kind::kAssign;
  for (const std::string& name : names) {
    if (name == "$") return ErrorAt(first.offset, "\"$\" cannot be set");
    if (pipeline->assigns && !Knows(name)) {
      return ErrorAt(first.offset, "undefined variable \"" + name + "\"");
    }
  }
  pipeline->variables = std::move(names);
  return Advance();
}

Result<std::unique_ptr<Pipeline>> Parser::ParsePipeline(Kind end, bool in_range) {
  if (++nesting_ > kNestingMax) return ErrorAt(token_.offset, "nested too deeply");
  auto pipeline = std::make_unique<Pipeline>();
  pipeline->offset = token_.offset;
  pipeline->in_range = in_range;
  TOCSIN_RETURN_IF_ERROR(ParseVariables(pipeline.get(), in_range));
  while (true) {
    TOCSIN_ASSIGN_OR_RETURN(Command command, ParseCommand(end, pipeline->commands.empty()));
    pipeline->commands.push_back(std::move(command));
    if (token_.kind == end) break;
    TOCSIN_RETURN_IF_ERROR(Advance());  // Past the "|".
    if (token_.kind == end) break;      // Go lets a pipe stand at the end.
  }
  // Known from here on, and not within its own value.
  if (!pipeline->assigns) {
    for (const std::string& name : pipeline->variables) variables_.push_back(name);
  }
  --nesting_;
  return pipeline;
}

/// Reads up to "|" or `end`, which becomes token_.
Result<Command> Parser::ParseCommand(Kind end, bool first) {
  Command command;
  const size_t start = token_.offset;
  while (token_.kind != end && token_.kind != Kind::kPipe) {
    if (!command.words.empty() && !token_.after_space) return Unexpected("operand");
    TOCSIN_ASSIGN_OR_RETURN(Operand operand, ParseOperand());
    command.words.push_back(std::move(operand));
  }
  if (command.words.empty()) {
    return ErrorAt(start, token_.kind == Kind::kPipe || !first ? "missing value for command"
                                                               : "missing value for pipeline");
  }
  const Operand& head = command.words.front();
  const bool plain = head.kind == Operand::Kind::kConstant || head.kind == Operand::Kind::kNil ||
                     (head.kind == Operand::Kind::kDot && head.fields.empty());
  if (!first && plain) return ErrorAt(start, "non executable command in pipeline");
  return command;
}

Result<Operand> Parser::ParseFunctionOrNil(Operand operand) {
  if (token_.text == "nil") {
    operand.kind = Operand::Kind::kNil;
    return operand;
  }
  if (std::ranges::find(kKeywords, token_.text) != kKeywords.end()) return Unexpected("operand");
  if (!IsBuiltin(token_.text) && !functions_.contains(token_.text)) {
    return ErrorAt(token_.offset, "function \"" + token_.text + "\" not defined");
  }
  operand.kind = Operand::Kind::kFunction;
  operand.name = token_.text;
  return operand;
}

Result<Operand> Parser::ParseOperand() {
  Operand operand;
  operand.offset = token_.offset;
  switch (token_.kind) {
    case Kind::kDot:
      break;
    case Kind::kField:
      operand.fields.push_back(token_.text);
      break;
    case Kind::kVariable:
      if (!Knows(token_.text)) {
        return ErrorAt(token_.offset, "undefined variable \"" + token_.text + "\"");
      }
      operand.kind = Operand::Kind::kVariable;
      operand.name = token_.text;
      break;
    case Kind::kConstant:
      operand.kind = Operand::Kind::kConstant;
      operand.constant = token_.value;
      if (token_.value.IsNil()) operand.name = token_.text;
      break;
    case Kind::kIdentifier: {
      TOCSIN_ASSIGN_OR_RETURN(operand, ParseFunctionOrNil(std::move(operand)));
      break;
    }
    case Kind::kOpen: {
      TOCSIN_RETURN_IF_ERROR(Advance());
      operand.kind = Operand::Kind::kPipeline;
      TOCSIN_ASSIGN_OR_RETURN(operand.pipeline, ParsePipeline(Kind::kClose, false));
      break;
    }
    default:
      return Unexpected("operand");
  }
  const bool bare_dot = token_.kind == Kind::kDot;
  TOCSIN_RETURN_IF_ERROR(Advance());
  while (token_.kind == Kind::kField && !token_.after_space) {
    const bool takes_fields = operand.kind != Operand::Kind::kConstant &&
                              operand.kind != Operand::Kind::kNil && !bare_dot;
    if (!takes_fields) return ErrorAt(token_.offset, "unexpected . after term");
    operand.fields.push_back(token_.text);
    TOCSIN_RETURN_IF_ERROR(Advance());
  }
  return operand;
}

}  // namespace

Result<std::shared_ptr<const Program>> ParseProgram(std::string_view text,
                                                    const Functions& functions,
                                                    std::span<const std::string_view> variables,
                                                    Surroundings surroundings) {
  return Parser(text, functions, std::move(surroundings)).Run(variables);
}

}  // namespace tocsin::tmpl::internal
