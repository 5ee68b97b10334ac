/// What stands between operators outside of braces, and what operators make of it.

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "cpp/base/status.h"
#include "cpp/traceql/ast.h"
#include "cpp/traceql/lexer.h"

namespace tocsin::traceql {

struct Term {
  std::variant<Spanset, ScalarExpr, ScalarFilter, SeriesExpr> node;
  Position at;
  /// Upstream combines filters with filters and pipelines in parentheses with each other. What is
  /// both is a filter in parentheses. Loose: anything goes.
  bool plain = true;
  bool wrapped = false;
  uint32_t depth = 1;

  Spanset* spanset() { return std::get_if<Spanset>(&node); }
  ScalarExpr* scalar() { return std::get_if<ScalarExpr>(&node); }
  SeriesExpr* series() { return std::get_if<SeriesExpr>(&node); }
};

/// An operator outside of braces, whatever its sides turn out to be.
struct Operator {
  std::string_view text;
  int precedence;
};

std::optional<Operator> OperatorOf(const Token& token);
/// A comparison or arithmetic; nullopt for other text.
std::optional<Op> OpOf(std::string_view text);

/// `left op right`. kInvalidArgument, at the operator, if it cannot stand between them.
Result<Term> Combine(const Token& op, Term left, Term right, bool strict);
/// The same of a metrics query, a comparison and a number.
Result<Term> KeepPoints(const Token& op, Term left, Term right);

}  // namespace tocsin::traceql
