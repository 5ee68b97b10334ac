// The ring keeps the newest exemplars and knows which come twice or too late.

#include "storage/series/exemplar_ring.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/series/testing.h"

namespace tocsin::storage {
namespace {

using Verdict = ExemplarRing::Verdict;

Exemplar Make(Millis t, double value, const std::string& trace = "t") {
  return {Labels{{"trace_id", trace}}, value, t};
}

std::vector<std::pair<SeriesId, Exemplar>> All(const ExemplarRing& ring, Millis from = INT64_MIN,
                                               Millis to = INT64_MAX) {
  std::vector<std::pair<SeriesId, Exemplar>> all;
  ring.ForEach(from, to, [&](SeriesId id, Exemplar e) { all.emplace_back(id, std::move(e)); });
  return all;
}

TEST(ExemplarRingTest, TheOldestMakesRoom) {
  ExemplarRing ring(2);
  ring.Add(1, Make(10, 1));
  ring.Add(2, Make(20, 2));
  ring.Add(1, Make(30, 3));
  const auto all = All(ring);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0], std::pair(SeriesId{2}, Make(20, 2)));
  EXPECT_EQ(all[1], std::pair(SeriesId{1}, Make(30, 3)));
  EXPECT_EQ(ring.Series(), (std::vector<SeriesId>{1, 2}));
  ring.Add(1, Make(40, 4));
  EXPECT_EQ(ring.Series(), std::vector<SeriesId>{1});
}

TEST(ExemplarRingTest, WithoutRoomNothingIsKept) {
  ExemplarRing ring(0);
  ring.Add(1, Make(10, 1));
  EXPECT_EQ(ring.size(), 0U);
}

TEST(ExemplarRingTest, DuplicatesAndLatecomersAreTold) {
  ExemplarRing ring(10);
  EXPECT_EQ(ring.Judge(1, Make(10, 1)), Verdict::kNew);
  ring.Add(1, Make(10, 1));
  EXPECT_EQ(ring.Judge(1, Make(10, 1)), Verdict::kDuplicate);
  EXPECT_EQ(ring.Judge(1, Make(10, 2)), Verdict::kNew);
  EXPECT_EQ(ring.Judge(1, Make(10, 1, "u")), Verdict::kNew);
  EXPECT_EQ(ring.Judge(1, Make(9, 1)), Verdict::kOutOfOrder);
  EXPECT_EQ(ring.Judge(2, Make(9, 1)), Verdict::kNew);
  EXPECT_EQ(ring.Judge(2, Make(9, 1, std::string(600, 'x'))), Verdict::kTooLarge);
}

TEST(ExemplarRingTest, BothEndsOfARangeBelongToIt) {
  ExemplarRing ring(10);
  for (Millis t = 1; t <= 5; ++t) ring.Add(1, Make(t, 1));
  EXPECT_EQ(All(ring, 2, 4).size(), 3U);
  EXPECT_EQ(All(ring, 4, 2).size(), 0U);
}

TEST(ExemplarRingTest, PackedLabelsComeBack) {
  for (const Labels& labels :
       {Labels(), Labels{{"a", "b"}}, Labels{{"a", std::string(300, 'x')}, {"b", "\0\xff"}}}) {
    EXPECT_EQ(UnpackLabels(PackLabels(labels)), labels);
  }
}

}  // namespace
}  // namespace tocsin::storage
