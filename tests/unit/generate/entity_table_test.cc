// The table of counters: text is cut between characters, and a decoded table is the encoded one.

#include "cpp/generate/entity_table.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace tocsin::generate {
namespace {

TEST(TruncateUtf8Test, ShortTextIsKept) {
  EXPECT_EQ(TruncateUtf8("abc", 3), "abc");
  EXPECT_EQ(TruncateUtf8("", 0), "");
}

TEST(TruncateUtf8Test, NoCharacterIsCutInTwo) {
  const std::string text = "a\u00e9\u20ac\U0001f600z";  // 1, 2, 3, 4 and 1 bytes.
  const std::vector<size_t> ends = {0, 1, 3, 6, 10, 11};
  for (size_t max = 0; max <= text.size(); ++max) {
    size_t expected = 0;
    for (const size_t end : ends) expected = end <= max ? end : expected;
    EXPECT_EQ(TruncateUtf8(text, max).size(), expected) << max;
  }
}

TEST(EntityTableTest, EveryPartOfTheKeyTellsEntitiesApart) {
  EntityTable table({1'000'000});
  const std::vector<EntityKey> keys = {
      {.service = "a", .name = "b"},
      {.service = "ab", .name = ""},
      {.service = "", .name = "ab"},
      {.service = "a", .name = "b", .kind = SpanKind::kServer},
      {.service = "a", .name = "b", .status = SpanStatus::kError},
      {.service = "", .name = "", .overflow = true},
      {.service = "", .name = ""},
  };
  for (uint32_t i = 0; i < keys.size(); ++i) {
    EXPECT_EQ(table.Find(keys[i]), EntityTable::kNone);
    EXPECT_EQ(table.Add(keys[i], EntityTable::Birth::kLive), i);
  }
  for (uint32_t i = 0; i < keys.size(); ++i) EXPECT_EQ(table.Find(keys[i]), i);
}

TEST(EntityTableTest, DecodingGivesTheTableBack) {
  EntityTable table({1'000, 2'000});
  table.Add({.service = "cart", .name = "GET"}, EntityTable::Birth::kLive);
  table.Add({.service = {}, .name = {}, .overflow = true}, EntityTable::Birth::kLive);
  table.Count(0, 7, {{1, 2}, 50, 1'000});
  table.Count(0, 7, {{3, 4}, 60, UINT64_MAX});
  table.Count(0, 7, {{5, 6}, 70, UINT64_MAX});
  std::string encoded;
  table.AppendTo(&encoded);
  encoded += "next";

  std::string_view input = encoded;
  const auto decoded = EntityTable::Decode(&input, {1'000, 2'000});
  ASSERT_TRUE(decoded.has_value()) << decoded.error().ToString();
  EXPECT_EQ(input, "next");
  EXPECT_EQ(decoded->Find({.service = "cart", .name = "GET"}), 0U);
  const EntityTable::Snapshot before = table.Copy();
  const EntityTable::Snapshot after = decoded->Copy();
  EXPECT_EQ(after.rows, before.rows);
  EXPECT_EQ(after.exemplars, before.exemplars);
  EXPECT_EQ(after.births[0], EntityTable::Birth::kReplayed);
  EXPECT_EQ(after.Row(0, 3)[EntityTable::kSumHigh], 2U) << "the sum passed 64 bits twice";
}

TEST(EntityTableTest, OtherBoundsEmptyTheHistogramsAndKeepTheRest) {
  EntityTable table({1'000});
  table.Add({.service = "cart", .name = "GET"}, EntityTable::Birth::kLive);
  table.Count(0, 7, {{1, 2}, 50, 1'000});
  std::string encoded;
  table.AppendTo(&encoded);
  std::string_view input = encoded;
  const auto decoded = EntityTable::Decode(&input, {1'000, 2'000});
  ASSERT_TRUE(decoded.has_value());
  EXPECT_TRUE(input.empty());
  EXPECT_EQ(decoded->Copy().rows, (std::vector<uint64_t>{1, 7, 0, 0, 0, 0, 0}));
  EXPECT_EQ(decoded->Copy().exemplars, std::vector<EntityTable::Exemplar>(3));
}

TEST(EntityTableTest, EveryTruncationIsCorruption) {
  EntityTable table({1'000});
  table.Add({.service = "cart", .name = "GET"}, EntityTable::Birth::kLive);
  table.Count(0, 300, {{1, 2}, 50, 1'000});
  std::string encoded;
  table.AppendTo(&encoded);
  for (size_t size = 0; size < encoded.size(); ++size) {
    std::string_view input = std::string_view(encoded).substr(0, size);
    const auto decoded = EntityTable::Decode(&input, {1'000});
    ASSERT_FALSE(decoded.has_value()) << size;
    EXPECT_EQ(decoded.error().code(), StatusCode::kCorruption);
  }
}

}  // namespace
}  // namespace tocsin::generate
