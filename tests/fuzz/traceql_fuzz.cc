// Any text at all is answered with a tree or an error with a position. What parses prints to text
// that parses to the same tree, and a condition and its negation share all spans between them.
// Seeds: tests/fuzz/corpus/traceql/. Run: `cmake --preset fuzz`, then build/fuzz/.../fuzz_traceql.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "cpp/traceql/parser.h"
#include "cpp/traceql/search.h"
#include "tests/unit/traceql/fake_view.h"

namespace {

using tocsin::Result;
using tocsin::traceql::Expr;
using tocsin::traceql::FakeView;
using tocsin::traceql::Family;
using tocsin::traceql::Parse;
using tocsin::traceql::Print;
using tocsin::traceql::Query;
using tocsin::traceql::Spanset;

void Require(bool condition, const char* what, std::string_view query) {
  if (condition) return;
  std::fprintf(stderr, "%s: %.*s\n", what, static_cast<int>(query.size()), query.data());
  std::abort();
}

uint32_t Matched(const FakeView& view, const Query& query) {
  const Result<tocsin::traceql::SearchResult> result = Search(view, query, {});
  Require(result.has_value(), "a search failed", Print(query));
  return result->traces.empty() ? 0 : result->traces[0].matched;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static const std::vector<tocsin::traceql::TestSpan> family = Family();
  static const FakeView view({{family[0], family[1]}, {family[2], family[3], family[4]}});

  const Result<Query> strict = Parse(text, {.strict = true});
  const Result<Query> query = Parse(text);
  if (!query.has_value()) {
    Require(query.error().message().starts_with("parse error at line "), "no position", text);
    return 0;
  }
  const std::string printed = Print(*query);
  const Result<Query> again = Parse(printed);
  Require(again.has_value(), "the printed form does not parse", printed);
  Require(*again == *query, "the printed form is another query", printed);
  Require(Print(*again) == printed, "printing is no fixed point", printed);
  if (strict.has_value()) {
    const Result<Query> strict_again = Parse(Print(*strict), {.strict = true});
    Require(strict_again.has_value() && *strict_again == *strict, "strict differs", printed);
  }

  if (query->metrics) return 0;
  const uint32_t matched = Matched(view, *query);
  const Spanset* const filter =
      query->pipeline.size() == 1 ? std::get_if<Spanset>(&query->pipeline[0].node) : nullptr;
  if (filter != nullptr && filter->condition) {
    const std::optional<Expr>& condition = filter->condition;
    const Result<Query> negated = Parse("{ !(" + Print(*condition) + ") }");
    // The negation may nest one level too deep.
    if (negated.has_value()) {
      Require(matched + Matched(view, *negated) == family.size(), "no complement", printed);
    }
  }
  return 0;
}
