#include "cpp/traceql/lenient.h"

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "cpp/traceql/lexer.h"
#include "cpp/traceql/parser.h"

namespace tocsin::traceql {
namespace {

constexpr size_t kMaxBytes = 64 << 10;
constexpr size_t kMaxConditions = 100;
constexpr size_t kMaxNesting = 50;
constexpr std::string_view kTrue = "true";

// Where the query text is broken, the rest of it stands as one word that no condition can hold.
constexpr std::string_view kBroken = "\"";

std::vector<Token> Tokens(std::string_view text) {
  std::vector<Token> tokens;
  Lexer lexer(text, false);
  while (true) {
    Result<Token> token = lexer.Next();
    if (!token) {
      Token broken;
      broken.kind = Token::Kind::kSymbol;
      broken.text = kBroken;
      tokens.push_back(broken);
      return tokens;
    }
    if (token->kind == Token::Kind::kEnd) return tokens;
    tokens.push_back(*std::move(token));
  }
}

class Mender {
 public:
  /// The conditions between two braces as text that parses; nullopt if there are too many.
  std::optional<std::string> Mend(std::span<const Token> tokens, size_t nesting) {
    if (nesting > kMaxNesting) return std::nullopt;
    std::string out;
    size_t begin = 0;
    size_t open = 0;
    for (size_t i = 0; i <= tokens.size(); ++i) {
      if (i < tokens.size()) {
        if (tokens[i].Is("(")) ++open;
        if (tokens[i].Is(")") && open > 0) --open;
        if (open > 0 || !(tokens[i].Is("&&") || tokens[i].Is("||"))) continue;
      }
      const std::optional<std::string> operand = Operand(tokens.subspan(begin, i - begin), nesting);
      if (!operand || ++conditions_ > kMaxConditions) return std::nullopt;
      out += *operand;
      if (i < tokens.size()) out.append(" ").append(tokens[i].text).append(" ");
      begin = i + 1;
    }
    return out;
  }

 private:
  std::optional<std::string> Operand(std::span<const Token> tokens, size_t nesting) {
    const bool negated = !tokens.empty() && tokens.front().Is("!");
    const std::span<const Token> inner = negated ? tokens.subspan(1) : tokens;
    if (!inner.empty() && inner.front().Is("(") && !IsComplete(tokens)) {
      const bool closed = inner.size() > 1 && inner.back().Is(")");
      const std::optional<std::string> mended =
          Mend(inner.subspan(1, inner.size() - (closed ? 2 : 1)), nesting + 1);
      if (!mended) return std::nullopt;
      // What is not known within a negation is not known outside of it either.
      if (negated && mended->find(kTrue) != std::string::npos) return std::string(kTrue);
      return (negated ? "!(" : "(") + *mended + ")";
    }
    return IsComplete(tokens) ? Join(tokens) : std::string(kTrue);
  }

  // A name alone would be the condition that a boolean attribute is true, but is the beginning of
  // another one more often.
  static bool IsComplete(std::span<const Token> tokens) {
    if (tokens.empty()) return false;
    if (tokens.size() == 1) return tokens.front().Is("true") || tokens.front().text == "false";
    return Parse("{ " + Join(tokens) + " }").has_value();
  }

  static std::string Join(std::span<const Token> tokens) {
    std::string text;
    for (const Token& token : tokens) {
      if (!text.empty()) text += ' ';
      text += token.text;
    }
    return text;
  }

  size_t conditions_ = 0;
};

}  // namespace

std::optional<Spanset> ParseLenient(std::string_view text) {
  if (text.size() > kMaxBytes) return std::nullopt;
  const std::vector<Token> tokens = Tokens(text);
  size_t begin = 0;
  while (begin < tokens.size() && !tokens[begin].Is("{")) ++begin;
  if (begin == tokens.size()) return std::nullopt;
  size_t end = begin + 1;
  while (end < tokens.size() && !tokens[end].Is("}")) ++end;
  for (size_t i = end; i < tokens.size(); ++i) {
    if (tokens[i].Is("|")) break;
    if (tokens[i].Is("{")) return std::nullopt;
  }
  const std::span<const Token> inner(tokens.data() + begin + 1, tokens.data() + end);
  if (inner.empty()) return std::nullopt;
  const std::optional<std::string> mended = Mender().Mend(inner, 0);
  if (!mended) return std::nullopt;
  Result<Query> query = Parse("{ " + *mended + " }");
  if (!query || query->pipeline.size() != 1) return std::nullopt;
  Spanset* filter = std::get_if<Spanset>(&query->pipeline.front().node);
  if (filter == nullptr || filter->kind != Spanset::Kind::kFilter) return std::nullopt;
  return std::move(*filter);
}

}  // namespace tocsin::traceql
