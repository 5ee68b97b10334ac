// Relations of rows, compared with what they are by definition.

#include "cpp/traceql/relations.h"

#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/traceql/source.h"

namespace tocsin::traceql {
namespace {

using Kind = Spanset::Kind;
using Rows = std::vector<uint32_t>;

constexpr uint32_t kNoRow = SpanBlock::kNoRow;
const std::function<Status()> kNeverInterrupted;

Bitmap SetOf(uint32_t size, const Rows& rows) {
  Bitmap set(size);
  for (const uint32_t row : rows) set.Set(row);
  return set;
}

Rows RowsOf(const Bitmap& set) {
  Rows rows;
  set.ForEach([&](uint32_t row) { rows.push_back(row); });
  return rows;
}

bool IsAncestor(const Rows& parents, uint32_t ancestor, uint32_t row) {
  if (ancestor == row) return false;
  uint32_t up = parents[row];
  for (size_t steps = 0; steps < parents.size() && up != kNoRow; ++steps) {
    if (up == ancestor) return true;
    up = parents[up];
  }
  return false;
}

// Does `row` stand to `other` as the rows of Related() do?
bool IsRelated(Kind kind, const Rows& parents, uint32_t row, uint32_t other) {
  switch (kind) {
    case Kind::kDescendant:
      return IsAncestor(parents, other, row);
    case Kind::kAncestor:
      return IsAncestor(parents, row, other);
    case Kind::kChild:
      return parents[row] == other;
    case Kind::kParent:
      return parents[other] == row;
    default:
      return row != other && parents[row] != kNoRow && parents[row] == parents[other];
  }
}

// One parent for each row, so that rings are frequent; of one row in six none.
Rows RandomParents(uint32_t size, std::mt19937* random) {
  Rows parents(size);
  for (uint32_t& parent : parents) {
    parent = (*random)() % 6 == 0 ? kNoRow : static_cast<uint32_t>((*random)() % size);
  }
  return parents;
}

std::string Show(const Rows& rows) {
  std::string out;
  for (const uint32_t row : rows) out.append(row == kNoRow ? "-" : std::to_string(row)).append(" ");
  return out;
}

TEST(RelationsTest, AreWhatTheirDefinitionsSay) {
  std::mt19937 random(7);
  for (int round = 0; round < 20'000; ++round) {
    const auto size = static_cast<uint32_t>(1 + random() % 9);
    const Rows parents = RandomParents(size, &random);
    Rows units;
    if (round % 2 == 0) {
      for (uint32_t row = 0; row < size; ++row) {
        units.push_back(static_cast<uint32_t>(random() % 3));
      }
    }
    const auto one_in = 1 + random() % 4;
    const auto chosen = [&](uint32_t) { return random() % one_in == 0; };
    const Bitmap asked = Bitmap::Where(size, chosen);
    const Bitmap others = Bitmap::Where(size, chosen);
    const Relations relations(parents, units, kNeverInterrupted);
    for (const Kind kind :
         {Kind::kDescendant, Kind::kAncestor, Kind::kChild, Kind::kParent, Kind::kSibling}) {
      Rows expected;
      asked.ForEach([&](uint32_t row) {
        bool related = false;
        others.ForEach([&](uint32_t other) {
          const bool in_unit = units.empty() || units[row] == units[other];
          related = related || (in_unit && IsRelated(kind, parents, row, other));
        });
        if (related) expected.push_back(row);
      });
      const Result<Bitmap> found = relations.Related(kind, asked, others);
      ASSERT_TRUE(found.has_value());
      ASSERT_EQ(RowsOf(*found), expected)
          << "kind " << static_cast<int>(kind) << ", parents " << Show(parents) << ", units "
          << Show(units) << ", asked " << Show(RowsOf(asked)) << ", others "
          << Show(RowsOf(others));
    }
  }
}

TEST(RelationsTest, ARowIsNoAncestorOfItself) {
  // Rows 0 and 1 are a ring, 2 is one alone with 3 below it.
  const Rows parents = {1, 0, 2, 2};
  const Relations relations(parents, {}, kNeverInterrupted);
  const auto related = [&](Kind kind, const Rows& others) {
    return RowsOf(*relations.Related(kind, Bitmap(4, true), SetOf(4, others)));
  };
  EXPECT_EQ(related(Kind::kDescendant, {0}), Rows({1}));
  EXPECT_EQ(related(Kind::kAncestor, {0}), Rows({1}));
  EXPECT_EQ(related(Kind::kAncestor, {0, 1}), Rows({0, 1}));
  EXPECT_EQ(related(Kind::kDescendant, {2}), Rows({3}));
  EXPECT_EQ(related(Kind::kAncestor, {2}), Rows());
  EXPECT_EQ(related(Kind::kAncestor, {3}), Rows({2}));
}

TEST(RelationsTest, CanBeInterrupted) {
  constexpr uint32_t kRows = 200'000;
  Rows parents(kRows, kNoRow);
  for (uint32_t row = 1; row < kRows; ++row) parents[row] = row - 1;
  const Rows units(kRows, 0);
  const Bitmap all(kRows, true);
  int asked = 0;
  int allowed = 1'000;
  const std::function<Status()> interrupted = [&]() -> Status {
    if (asked++ < allowed) return {};
    return CancelledError("the client went away");
  };
  const Relations relations(parents, units, interrupted);
  for (const Kind kind : {Kind::kDescendant, Kind::kAncestor}) {
    asked = 0;
    allowed = 1'000;
    EXPECT_TRUE(relations.Evaluate(kind, Spanset::Form::kPlain, all, all).has_value());
    EXPECT_EQ(asked, 4) << "once before, and each 65,536 rows";
    for (allowed = 0; allowed < 4; ++allowed) {
      asked = 0;
      const Result<Bitmap> result = relations.Evaluate(kind, Spanset::Form::kPlain, all, all);
      ASSERT_FALSE(result.has_value());
      EXPECT_EQ(result.error().code(), StatusCode::kCancelled);
      EXPECT_EQ(asked, allowed + 1);
    }
  }
}

}  // namespace
}  // namespace tocsin::traceql
