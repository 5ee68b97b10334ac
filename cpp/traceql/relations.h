/// How spans of one trace stand to each other, on sets of rows of one block.

#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "cpp/base/status.h"
#include "cpp/traceql/ast.h"
#include "cpp/traceql/bitmap.h"

namespace tocsin::traceql {

/// Rows by their parents. Parents may form rings: every row of a ring is an ancestor of all others
/// in it and of what hangs below. No row is its own ancestor. Whatever the parents look like, each
/// relation costs a few steps for each row of the block. All that it is given must outlive it.
class Relations {
 public:
  /// `parents`: as TraceTable::ParentRows(). `unit_of_row`: rows count as related only within one
  /// unit, though the path between them may leave it; empty where units are traces, which parents
  /// never leave. `interrupted`, if there is one, is asked now and then; what it fails with is the
  /// result.
  Relations(std::span<const uint32_t> parents, std::span<const uint32_t> unit_of_row,
            const std::function<Status()>& interrupted)
      : parents_(parents), unit_of_row_(unit_of_row), interrupted_(interrupted) {}

  /// The rows of `asked` that stand to some row of `others` in the relation that `kind` (a
  /// structural one) names: with kChild those that are children of a row of `others`, and so on.
  Result<Bitmap> Related(Spanset::Kind kind, const Bitmap& asked, const Bitmap& others) const;

  /// The value of `left kind right` in its form.
  Result<Bitmap> Evaluate(Spanset::Kind kind, Spanset::Form form, const Bitmap& left,
                          const Bitmap& right) const;

 private:
  bool SameUnit(uint32_t a, uint32_t b) const {
    return unit_of_row_.empty() || unit_of_row_[a] == unit_of_row_[b];
  }
  Bitmap WithAncestor(const Bitmap& asked, const Bitmap& others) const;
  Result<Bitmap> WithAncestorInUnit(const Bitmap& asked, const Bitmap& others) const;
  Result<Bitmap> WithDescendant(const Bitmap& asked, const Bitmap& others) const;
  Result<Bitmap> WithDescendantInUnit(const Bitmap& asked, const Bitmap& others) const;
  Bitmap WithParent(const Bitmap& asked, const Bitmap& others) const;
  Bitmap WithChild(const Bitmap& asked, const Bitmap& others) const;
  Bitmap WithSibling(const Bitmap& asked, const Bitmap& others) const;
  Bitmap WithSiblingInUnit(const Bitmap& asked, const Bitmap& others) const;

  std::span<const uint32_t> parents_;
  std::span<const uint32_t> unit_of_row_;
  const std::function<Status()>& interrupted_;
};

}  // namespace tocsin::traceql
