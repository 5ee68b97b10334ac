/// How spans of one trace stand to each other, on sets of rows of one block.

#pragma once

#include <cstdint>
#include <span>

#include "cpp/traceql/ast.h"
#include "cpp/traceql/bitmap.h"

namespace tocsin::traceql {

/// Rows by their parents. Parents may form rings: every row of a ring is an ancestor of all others
/// in it and of what hangs below. No row is its own ancestor.
class Relations {
 public:
  /// `parents`: as TraceTable::ParentRows(). `unit_of_row`: rows count as related only within one
  /// unit; empty where units are traces, which parents never leave.
  Relations(std::span<const uint32_t> parents, std::span<const uint32_t> unit_of_row)
      : parents_(parents), unit_of_row_(unit_of_row) {}

  /// The rows of `asked` that stand to some row of `others` in the relation that `kind` (a
  /// structural one) names: with kChild those that are children of a row of `others`, and so on.
  Bitmap Related(Spanset::Kind kind, const Bitmap& asked, const Bitmap& others) const;

  /// The value of `left kind right` in its form.
  Bitmap Evaluate(Spanset::Kind kind, Spanset::Form form, const Bitmap& left,
                  const Bitmap& right) const;

 private:
  bool SameUnit(uint32_t a, uint32_t b) const {
    return unit_of_row_.empty() || unit_of_row_[a] == unit_of_row_[b];
  }
  Bitmap WithAncestor(const Bitmap& asked, const Bitmap& others) const;
  Bitmap WithAncestorInUnit(const Bitmap& asked, const Bitmap& others) const;
  Bitmap WithDescendant(const Bitmap& asked, const Bitmap& others) const;
  Bitmap WithDescendantInUnit(const Bitmap& asked, const Bitmap& others) const;
  Bitmap WithParent(const Bitmap& asked, const Bitmap& others) const;
  Bitmap WithChild(const Bitmap& asked, const Bitmap& others) const;
  Bitmap WithSibling(const Bitmap& asked, const Bitmap& others) const;
  Bitmap WithSiblingInUnit(const Bitmap& asked, const Bitmap& others) const;

  std::span<const uint32_t> parents_;
  std::span<const uint32_t> unit_of_row_;
};

}  // namespace tocsin::traceql
