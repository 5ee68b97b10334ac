#include "cpp/traceql/relations.h"

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "cpp/traceql/source.h"

namespace tocsin::traceql {
namespace {

constexpr uint32_t kNoRow = SpanBlock::kNoRow;

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

// Calls visit(ancestor) for each ancestor of a row, the nearest first, until it gives false.
template <class Visit>
void ForEachAncestor(std::span<const uint32_t> parents, uint32_t row,
                     std::vector<uint32_t>* seen_by, Visit visit) {
  for (uint32_t up = parents[row]; up != kNoRow && up != row; up = parents[up]) {
    if ((*seen_by)[up] == row) return;  // Round a ring that the row hangs below.
    (*seen_by)[up] = row;
    if (!visit(up)) return;
  }
}

}  // namespace

Bitmap Relations::WithAncestor(const Bitmap& asked, const Bitmap& others) const {
  Bitmap result(asked.size());
  if (others.None()) return result;
  AncestorSearch search(parents_, others);
  asked.ForEach([&](uint32_t row) {
    if (search.Has(row)) result.Set(row);
  });
  return result;
}

Bitmap Relations::WithAncestorInUnit(const Bitmap& asked, const Bitmap& others) const {
  Bitmap result(asked.size());
  std::vector<uint32_t> seen_by(parents_.size(), kNoRow);
  asked.ForEach([&](uint32_t row) {
    ForEachAncestor(parents_, row, &seen_by, [&](uint32_t up) {
      const bool related = others.Test(up) && SameUnit(up, row);
      if (related) result.Set(row);
      return !related;
    });
  });
  return result;
}

Bitmap Relations::WithDescendant(const Bitmap& asked, const Bitmap& others) const {
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

Bitmap Relations::WithDescendantInUnit(const Bitmap& asked, const Bitmap& others) const {
  Bitmap result(asked.size());
  std::vector<uint32_t> seen_by(parents_.size(), kNoRow);
  others.ForEach([&](uint32_t row) {
    ForEachAncestor(parents_, row, &seen_by, [&](uint32_t up) {
      if (asked.Test(up) && SameUnit(up, row)) result.Set(up);
      return true;
    });
  });
  return result;
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

Bitmap Relations::Related(Spanset::Kind kind, const Bitmap& asked, const Bitmap& others) const {
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

Bitmap Relations::Evaluate(Spanset::Kind kind, Spanset::Form form, const Bitmap& left,
                           const Bitmap& right) const {
  Bitmap result = Related(kind, right, left);
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
    result.Or(Related(converse, left, right));
  }
  return result;
}

}  // namespace tocsin::traceql
