#include "cpp/traceql/relations.h"

#include <algorithm>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cpp/traceql/source.h"

namespace tocsin::traceql {
namespace {

constexpr uint32_t kNoRow = SpanBlock::kNoRow;
constexpr uint32_t kStepsBetweenQuestions = 1 << 16;

// Finds out for rows, one after the other, whether one of their ancestors is in a set. What was
// found on the way up is kept, so that all rows together cost one step for each row of the block.
class AncestorSearch {
 public:
  AncestorSearch(std::span<const uint32_t> parents, const Bitmap& set)
      : parents_(parents), set_(set), known_(parents.size(), Known::kNothing) {}

  bool Has(uint32_t asked) {
    uint32_t row = asked;
    while (known_[row] == Known::kNothing) {
      known_[row] = Known::kOnPath;
      path_.push_back(row);
      if (parents_[row] == kNoRow) break;
      row = parents_[row];
    }
    if (known_[row] == Known::kOnPath && parents_[row] != kNoRow) CloseRing(row);
    while (!path_.empty()) {
      row = path_.back();
      path_.pop_back();
      const uint32_t parent = parents_[row];
      const bool has = parent != kNoRow && (set_.Test(parent) || known_[parent] == Known::kYes);
      known_[row] = has ? Known::kYes : Known::kNo;
    }
    return known_[asked] == Known::kYes;
  }

 private:
  enum class Known : uint8_t { kNothing, kOnPath, kNo, kYes };

  // The path came back to `row`: from there on it is a ring.
  void CloseRing(uint32_t row) {
    const auto first = std::find(path_.begin(), path_.end(), row);
    const auto members =
        std::count_if(first, path_.end(), [&](uint32_t r) { return set_.Test(r); });
    for (auto it = first; it != path_.end(); ++it) {
      known_[*it] = members > (set_.Test(*it) ? 1 : 0) ? Known::kYes : Known::kNo;
    }
    path_.erase(first, path_.end());
  }

  std::span<const uint32_t> parents_;
  const Bitmap& set_;
  std::vector<Known> known_;
  std::vector<uint32_t> path_;
};

// The rows of a block as a forest: a row without a parent is a top of its own, the rows of a ring
// are one top together.
class Forest {
 public:
  explicit Forest(std::span<const uint32_t> parents)
      : parents_(parents),
        first_child_(parents.size(), kNoRow),
        next_sibling_(parents.size(), kNoRow) {
    const Bitmap in_ring = FindRings();
    for (auto row = static_cast<uint32_t>(parents_.size()); row-- > 0;) {
      const uint32_t parent = parents_[row];
      if (parent == kNoRow || in_ring.Test(row)) continue;
      next_sibling_[row] = first_child_[parent];
      first_child_[parent] = row;
    }
  }

  // Passes all rows, depth first: visitor->Enter(rows) before what hangs below them,
  // visitor->Leave(rows) after it; for all rows of a ring at once, for each other row alone.
  template <class Visitor>
  Status Walk(const std::function<Status()>& interrupted, Visitor* visitor) const {
    uint32_t steps = 0;
    for (uint32_t row = 0; row < parents_.size(); ++row) {
      if (parents_[row] != kNoRow) continue;
      TOCSIN_RETURN_IF_ERROR(WalkTop({&row, 1}, interrupted, &steps, visitor));
    }
    size_t begin = 0;
    for (const size_t end : ring_ends_) {
      const auto ring = std::span(rings_).subspan(begin, end - begin);
      TOCSIN_RETURN_IF_ERROR(WalkTop(ring, interrupted, &steps, visitor));
      begin = end;
    }
    return {};
  }

 private:
  // Each way up is followed until it meets rows that were passed before. Where these are of the
  // same way, it came round a ring.
  Bitmap FindRings() {
    Bitmap in_ring(static_cast<uint32_t>(parents_.size()));
    std::vector<uint32_t> way_of_row(parents_.size(), kNoRow);
    for (uint32_t way = 0; way < parents_.size(); ++way) {
      uint32_t row = way;
      while (row != kNoRow && way_of_row[row] == kNoRow) {
        way_of_row[row] = way;
        row = parents_[row];
      }
      if (row == kNoRow || way_of_row[row] != way) continue;
      for (; !in_ring.Test(row); row = parents_[row]) {
        in_ring.Set(row);
        rings_.push_back(row);
      }
      ring_ends_.push_back(rings_.size());
    }
    return in_ring;
  }

  template <class Visitor>
  Status WalkTop(std::span<const uint32_t> top, const std::function<Status()>& interrupted,
                 uint32_t* steps, Visitor* visitor) const {
    visitor->Enter(top);
    for (const uint32_t above : top) {
      for (uint32_t row = first_child_[above]; row != kNoRow;) {
        if (++*steps % kStepsBetweenQuestions == 0 && interrupted) {
          TOCSIN_RETURN_IF_ERROR(interrupted());
        }
        visitor->Enter({&row, 1});
        row = first_child_[row] != kNoRow ? first_child_[row] : LeaveUpTo(above, row, visitor);
      }
    }
    visitor->Leave(top);
    return {};
  }

  // Leaves `row` and those above it, up to one that has a sibling yet to come, and gives that one;
  // kNoRow if nothing is left below `above`.
  template <class Visitor>
  uint32_t LeaveUpTo(uint32_t above, uint32_t row, Visitor* visitor) const {
    for (; row != above; row = parents_[row]) {
      visitor->Leave({&row, 1});
      if (next_sibling_[row] != kNoRow) return next_sibling_[row];
    }
    return kNoRow;
  }

  std::span<const uint32_t> parents_;
  // Rows of rings are no children here.
  std::vector<uint32_t> first_child_;
  std::vector<uint32_t> next_sibling_;
  std::vector<uint32_t> rings_;    // The rows of one after the other.
  std::vector<size_t> ring_ends_;  // Of each in rings_.
};

// What the visitors of a forest have in common. A row is never related to itself, so that it has to
// have met more of the others of its unit than that.
class RelationSearch {
 public:
  RelationSearch(std::span<const uint32_t> unit_of_row, const Bitmap& asked, const Bitmap& others)
      : unit_of_row_(unit_of_row), asked_(asked), others_(others), found_(asked.size()) {
    const auto last = std::max_element(unit_of_row.begin(), unit_of_row.end());
    others_met_.assign(last == unit_of_row.end() ? 1 : *last + size_t{1}, 0);
  }

  Bitmap TakeFound() { return std::move(found_); }

 protected:
  bool IsAsked(uint32_t row) const { return asked_.Test(row); }
  bool IsOther(uint32_t row) const { return others_.Test(row); }
  uint32_t& OthersMet(uint32_t row) {
    return others_met_[unit_of_row_.empty() ? 0 : unit_of_row_[row]];
  }
  void FindIf(uint32_t row, uint32_t others_met) {
    if (others_met > (IsOther(row) ? 1U : 0U)) found_.Set(row);
  }

 private:
  std::span<const uint32_t> unit_of_row_;
  const Bitmap& asked_;
  const Bitmap& others_;
  std::vector<uint32_t> others_met_;  // By unit.
  Bitmap found_;
};

// Counts the others that are on the way down to a row.
class AncestorInUnitSearch : public RelationSearch {
 public:
  using RelationSearch::RelationSearch;

  void Enter(std::span<const uint32_t> rows) {
    for (const uint32_t row : rows) {
      if (IsOther(row)) ++OthersMet(row);
    }
    for (const uint32_t row : rows) {
      if (IsAsked(row)) FindIf(row, OthersMet(row));
    }
  }
  void Leave(std::span<const uint32_t> rows) {
    for (const uint32_t row : rows) {
      if (IsOther(row)) --OthersMet(row);
    }
  }
};

// Counts the others that come between entering a row and leaving it.
class DescendantInUnitSearch : public RelationSearch {
 public:
  DescendantInUnitSearch(std::span<const uint32_t> unit_of_row, const Bitmap& asked,
                         const Bitmap& others)
      : RelationSearch(unit_of_row, asked, others), met_before_(asked.size()) {}

  void Enter(std::span<const uint32_t> rows) {
    for (const uint32_t row : rows) {
      if (IsAsked(row)) met_before_[row] = OthersMet(row);
    }
    for (const uint32_t row : rows) {
      if (IsOther(row)) ++OthersMet(row);
    }
  }
  void Leave(std::span<const uint32_t> rows) {
    for (const uint32_t row : rows) {
      if (IsAsked(row)) FindIf(row, OthersMet(row) - met_before_[row]);
    }
  }

 private:
  std::vector<uint32_t> met_before_;  // By row.
};

}  // namespace

Bitmap Relations::WithAncestor(const Bitmap& asked, const Bitmap& others) const {
  Bitmap result(asked.size());
  AncestorSearch search(parents_, others);
  asked.ForEach([&](uint32_t row) {
    if (search.Has(row)) result.Set(row);
  });
  return result;
}

Result<Bitmap> Relations::WithAncestorInUnit(const Bitmap& asked, const Bitmap& others) const {
  AncestorInUnitSearch search(unit_of_row_, asked, others);
  TOCSIN_RETURN_IF_ERROR(Forest(parents_).Walk(interrupted_, &search));
  return search.TakeFound();
}

Result<Bitmap> Relations::WithDescendant(const Bitmap& asked, const Bitmap& others) const {
  Bitmap above(asked.size());
  bool ring = false;
  others.ForEach([&](uint32_t row) {
    for (uint32_t up = parents_[row]; up != kNoRow && !above.Test(up); up = parents_[up]) {
      above.Set(up);
      ring = ring || up == row;
    }
  });
  // In a ring a row may have marked itself.
  if (ring) return WithDescendantInUnit(asked, others);
  above.And(asked);
  return above;
}

Result<Bitmap> Relations::WithDescendantInUnit(const Bitmap& asked, const Bitmap& others) const {
  DescendantInUnitSearch search(unit_of_row_, asked, others);
  TOCSIN_RETURN_IF_ERROR(Forest(parents_).Walk(interrupted_, &search));
  return search.TakeFound();
}

Bitmap Relations::WithParent(const Bitmap& asked, const Bitmap& others) const {
  Bitmap result(asked.size());
  asked.ForEach([&](uint32_t row) {
    const uint32_t parent = parents_[row];
    if (parent != kNoRow && others.Test(parent) && SameUnit(parent, row)) result.Set(row);
  });
  return result;
}

Bitmap Relations::WithChild(const Bitmap& asked, const Bitmap& others) const {
  Bitmap result(asked.size());
  others.ForEach([&](uint32_t row) {
    const uint32_t parent = parents_[row];
    if (parent != kNoRow && asked.Test(parent) && SameUnit(parent, row)) result.Set(parent);
  });
  return result;
}

Bitmap Relations::WithSibling(const Bitmap& asked, const Bitmap& others) const {
  Bitmap result(asked.size());
  std::vector<uint32_t> children(parents_.size(), 0);  // How many of the others each row has.
  others.ForEach([&](uint32_t row) {
    if (parents_[row] != kNoRow) ++children[parents_[row]];
  });
  asked.ForEach([&](uint32_t row) {
    if (parents_[row] == kNoRow) return;
    if (children[parents_[row]] > (others.Test(row) ? 1U : 0U)) result.Set(row);
  });
  return result;
}

Bitmap Relations::WithSiblingInUnit(const Bitmap& asked, const Bitmap& others) const {
  Bitmap result(asked.size());
  std::unordered_map<uint64_t, uint32_t> children;  // The same for each parent and unit.
  const auto family = [&](uint32_t row) {
    return uint64_t{parents_[row]} << 32 | unit_of_row_[row];
  };
  others.ForEach([&](uint32_t row) {
    if (parents_[row] != kNoRow) ++children[family(row)];
  });
  asked.ForEach([&](uint32_t row) {
    if (parents_[row] == kNoRow) return;
    const auto it = children.find(family(row));
    if (it != children.end() && it->second > (others.Test(row) ? 1U : 0U)) result.Set(row);
  });
  return result;
}

Result<Bitmap> Relations::Related(Spanset::Kind kind, const Bitmap& asked,
                                  const Bitmap& others) const {
  if (interrupted_) TOCSIN_RETURN_IF_ERROR(interrupted_());
  if (asked.None() || others.None()) return Bitmap(asked.size());
  const bool by_trace = unit_of_row_.empty();
  switch (kind) {
    case Spanset::Kind::kDescendant:
      return by_trace ? WithAncestor(asked, others) : WithAncestorInUnit(asked, others);
    case Spanset::Kind::kAncestor:
      return by_trace ? WithDescendant(asked, others) : WithDescendantInUnit(asked, others);
    case Spanset::Kind::kChild:
      return WithParent(asked, others);
    case Spanset::Kind::kParent:
      return WithChild(asked, others);
    default:
      return by_trace ? WithSibling(asked, others) : WithSiblingInUnit(asked, others);
  }
}

Result<Bitmap> Relations::Evaluate(Spanset::Kind kind, Spanset::Form form, const Bitmap& left,
                                   const Bitmap& right) const {
  TOCSIN_ASSIGN_OR_RETURN(Bitmap result, Related(kind, right, left));
  if (form == Spanset::Form::kNegated) {
    Bitmap unrelated = right;
    unrelated.AndNot(result);
    return unrelated;
  }
  if (form == Spanset::Form::kUnion) {
    const Spanset::Kind converse = kind == Spanset::Kind::kDescendant ? Spanset::Kind::kAncestor
                                   : kind == Spanset::Kind::kAncestor ? Spanset::Kind::kDescendant
                                   : kind == Spanset::Kind::kChild    ? Spanset::Kind::kParent
                                   : kind == Spanset::Kind::kParent   ? Spanset::Kind::kChild
                                                                      : kind;
    TOCSIN_ASSIGN_OR_RETURN(const Bitmap of_left, Related(converse, left, right));
    result.Or(of_left);
  }
  return result;
}

}  // namespace tocsin::traceql
