// Blocks come back as they were written, also after a restart; a damaged volume does not take the
// others with it; a dropped one is readable until its last reader is done.

#include "storage/series/block_store.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "storage/series/head.h"
#include "tests/unit/series/testing.h"

namespace tocsin::storage {
namespace {

namespace fs = std::filesystem;

Labels LabelsFor(SeriesId id) { return {{"id", std::to_string(id)}}; }

struct Opened {
  std::unique_ptr<BlockStore> store;
  std::map<SeriesId, Labels> defined;
};

Opened Open(const std::string& directory, uint64_t volume_bytes = UINT64_MAX) {
  Opened opened;
  BlockStore::Options options;
  options.directory = directory;
  options.volume_bytes = volume_bytes;
  auto store = BlockStore::Open(
      options, [&](SeriesId id, const Labels& labels) { opened.defined[id] = labels; });
  EXPECT_TRUE(store.has_value()) << store.error().ToString();
  if (store.has_value()) opened.store = *std::move(store);
  return opened;
}

std::vector<Sample> SamplesOf(Millis start, SeriesId id) {
  std::vector<Sample> samples;
  for (Millis t = start + id; t < start + kBlockMillis; t += 60'000) {
    samples.push_back({t, static_cast<double>(t * id)});
  }
  return samples;
}

BlockStore::Contents ContentsOf(Millis start, const std::vector<SeriesId>& ids) {
  BlockStore::Contents contents;
  contents.start = start;
  for (const SeriesId id : ids) {
    HeadSeries head;
    for (const Sample& sample : SamplesOf(start, id)) head.Append({sample.t, sample.v, nullptr, 0});
    contents.series.push_back({id, {}});
    head.Collect(INT64_MIN, INT64_MAX, &contents.series.back().chunks);
  }
  return contents;
}

Status WriteBlock(BlockStore& store, Millis start, const std::vector<SeriesId>& ids) {
  auto block = store.Write(ContentsOf(start, ids), LabelsFor);
  if (!block.has_value()) return block.error();
  store.Publish(*std::move(block));
  return {};
}

/// The blocks here have their series by ascending id: the id is the rank.
std::vector<Sample> Read(const std::shared_ptr<const SampleBlock>& block, SeriesId id) {
  BlockReader reader(block, {block->groups().begin(), block->groups().end()});
  const auto chunks = reader.Read(id, id);
  EXPECT_TRUE(chunks.has_value()) << chunks.error().ToString();
  SeriesSamples samples;
  for (const ChunkRef& chunk : *chunks) EXPECT_TRUE(ReadChunk(chunk, {}, &samples).ok());
  return samples.floats;
}

TEST(SeriesSetTest, HasWhatWasAdded) {
  const std::vector<SeriesId> ids = {1, 63, 64, 100'000, 64, UINT32_MAX};
  const SeriesSet set(ids);
  EXPECT_EQ(set.size(), 5U);
  EXPECT_TRUE(set.Has(63) && set.Has(64) && set.Has(100'000) && set.Has(UINT32_MAX));
  EXPECT_FALSE(set.Has(0) || set.Has(65) || set.Has(UINT32_MAX - 1));
  EXPECT_EQ(set.Ids(), (std::vector<SeriesId>{1, 63, 64, 100'000, UINT32_MAX}));
  EXPECT_TRUE(SeriesSet().empty());
}

TEST(BlockOfTest, BlocksAreAlignedAlsoBeforeTheEpoch) {
  EXPECT_EQ(BlockOf(0), 0);
  EXPECT_EQ(BlockOf(kBlockMillis - 1), 0);
  EXPECT_EQ(BlockOf(kBlockMillis), kBlockMillis);
  EXPECT_EQ(BlockOf(-1), -kBlockMillis);
  EXPECT_EQ(BlockOf(-kBlockMillis), -kBlockMillis);
}

TEST(BlockStoreTest, BlocksComeBackAfterARestart) {
  const TemporaryDirectory directory;
  const std::vector<Millis> starts = {-kBlockMillis, 0, kBlockMillis, 30 * kBlockMillis};
  {
    const Opened opened = Open(directory.path());
    for (const Millis start : starts) {
      ASSERT_TRUE(WriteBlock(*opened.store, start, {1, 2, 5}).ok());
    }
    EXPECT_EQ(opened.store->volumes(), 2U) << "a volume holds a day";
  }
  const Opened opened = Open(directory.path());
  EXPECT_EQ(opened.defined,
            (std::map<SeriesId, Labels>{{1, LabelsFor(1)}, {2, LabelsFor(2)}, {5, LabelsFor(5)}}));
  ASSERT_EQ(opened.store->blocks().size(), starts.size());
  for (size_t i = 0; i < starts.size(); ++i) {
    const auto& block = opened.store->blocks()[i];
    EXPECT_EQ(block->start(), starts[i]);
    EXPECT_EQ(block->series().size(), 3U);
    for (const SeriesId id : {1U, 2U, 5U}) EXPECT_EQ(Read(block, id), SamplesOf(starts[i], id));
    EXPECT_TRUE(Read(block, 3).empty());
    EXPECT_EQ(block->totals().samples, 360U);
    EXPECT_EQ(block->totals().chunks, 3U);
    EXPECT_EQ(block->number(), i + 1);
  }
  EXPECT_GT(opened.store->Bytes(), 0U);
}

TEST(BlockStoreTest, ABlockWithoutFooterDoesNotExistAndCanBeWrittenAgain) {
  const TemporaryDirectory directory;
  {
    const Opened opened = Open(directory.path());
    std::vector<SeriesId> many(2'000);
    for (SeriesId i = 0; i < many.size(); ++i) many[i] = i + 1;
    const FullDisk full(5'000);
    EXPECT_EQ(WriteBlock(*opened.store, 0, many).code(), StatusCode::kUnavailable);
    EXPECT_TRUE(opened.store->blocks().empty());
  }
  const Opened opened = Open(directory.path());
  EXPECT_TRUE(opened.store->blocks().empty());
  ASSERT_TRUE(WriteBlock(*opened.store, 0, {1}).ok());
  EXPECT_EQ(Read(opened.store->blocks()[0], 1), SamplesOf(0, 1));
}

TEST(BlockStoreTest, GroupsAreReadInOrder) {
  const TemporaryDirectory directory;
  std::vector<SeriesId> ids;
  for (SeriesId id = 1; id <= 500; id += 1 + (id % 3)) ids.push_back(id);
  const Opened opened = Open(directory.path());
  ASSERT_TRUE(WriteBlock(*opened.store, 0, ids).ok());
  const auto& block = opened.store->blocks()[0];
  EXPECT_EQ(block->groups().size(), (ids.size() + kGroupSeries - 1) / kGroupSeries);
  BlockReader reader(block, {block->groups().begin(), block->groups().end()});
  for (SeriesId id = 1; id <= 501; id += 1 + (id % 2)) {
    const auto chunks = reader.Read(id, id);
    ASSERT_TRUE(chunks.has_value()) << chunks.error().ToString();
    EXPECT_EQ(chunks->empty(), !block->series().Has(id));
  }
  std::vector<SeriesId> seen;
  ASSERT_TRUE(block
                  ->ForEach([&](BlockSeries&& series) -> Status {
                    seen.push_back(series.id);
                    return {};
                  })
                  .ok());
  EXPECT_EQ(seen, ids);
}

TEST(BlockStoreTest, ARewrittenBlockStandsForTheOldOneAndKeepsItsDefinitions) {
  const TemporaryDirectory directory;
  {
    const Opened opened = Open(directory.path());
    ASSERT_TRUE(WriteBlock(*opened.store, 0, {1, 2}).ok());
    ASSERT_TRUE(WriteBlock(*opened.store, kBlockMillis, {1, 2}).ok());
    const auto old = opened.store->blocks()[0];
    auto block = opened.store->Rewrite(*old, ContentsOf(0, {2}), LabelsFor);
    ASSERT_TRUE(block.has_value()) << block.error().ToString();
    EXPECT_EQ(Read(old, 1), SamplesOf(0, 1)) << "who reads the old one goes on";
    opened.store->Replace(*old, *std::move(block));
    ASSERT_TRUE(opened.store->RemoveGroups(*old).ok());
  }
  const Opened opened = Open(directory.path());
  EXPECT_EQ(opened.defined.size(), 2U) << "the later block needs the labels of series 1";
  ASSERT_EQ(opened.store->blocks().size(), 2U);
  EXPECT_EQ(opened.store->blocks()[0]->number(), 3U);
  EXPECT_TRUE(Read(opened.store->blocks()[0], 1).empty());
  EXPECT_EQ(Read(opened.store->blocks()[0], 2), SamplesOf(0, 2));
  EXPECT_EQ(Read(opened.store->blocks()[1], 1), SamplesOf(kBlockMillis, 1));
}

TEST(BlockStoreTest, ALateBlockIsBesideThatOfItsTime) {
  const TemporaryDirectory directory;
  {
    const Opened opened = Open(directory.path());
    ASSERT_TRUE(WriteBlock(*opened.store, kBlockMillis, {1}).ok());
    ASSERT_TRUE(WriteBlock(*opened.store, 0, {2}).ok());
    BlockStore::Contents late = ContentsOf(kBlockMillis, {2});
    late.level = 2;
    auto block = opened.store->Write(late, LabelsFor);
    ASSERT_TRUE(block.has_value());
    opened.store->Publish(*std::move(block));
  }
  const Opened opened = Open(directory.path());
  ASSERT_EQ(opened.store->blocks().size(), 3U);
  EXPECT_EQ(opened.store->blocks()[0]->start(), 0);
  EXPECT_EQ(opened.store->blocks()[2]->totals().level, 2U);
  EXPECT_EQ(Read(opened.store->blocks()[2], 2), SamplesOf(kBlockMillis, 2));
}

TEST(BlockStoreTest, ADroppedVolumeIsReadableUntilItsReadersAreDone) {
  const TemporaryDirectory directory;
  const Opened opened = Open(directory.path(), 1);  // A volume for each block.
  ASSERT_TRUE(WriteBlock(*opened.store, 0, {1}).ok());
  ASSERT_TRUE(WriteBlock(*opened.store, kBlockMillis, {1}).ok());
  ASSERT_EQ(opened.store->volumes(), 2U);
  EXPECT_EQ(opened.store->OldestVolumeEnd(), kBlockMillis);
  auto block = opened.store->blocks()[0];
  static_cast<void>(opened.store->DropOldest());
  EXPECT_EQ(opened.store->blocks().size(), 1U);
  EXPECT_EQ(Read(block, 1), SamplesOf(0, 1));
  EXPECT_EQ(std::distance(fs::directory_iterator(directory.path()), {}), 2);
  block.reset();
  EXPECT_EQ(std::distance(fs::directory_iterator(directory.path()), {}), 1);
  EXPECT_EQ(Read(opened.store->blocks()[0], 1), SamplesOf(kBlockMillis, 1));
}

TEST(BlockStoreTest, ADamagedVolumeLeavesTheOthersServing) {
  const TemporaryDirectory directory;
  {
    const Opened opened = Open(directory.path(), 1);
    ASSERT_TRUE(WriteBlock(*opened.store, 0, {1}).ok());
    ASSERT_TRUE(WriteBlock(*opened.store, kBlockMillis, {1}).ok());
  }
  for (const auto& entry : fs::directory_iterator(directory.path() + "/00000001_0")) {
    if (entry.path().filename() != "LOCK") std::ofstream(entry.path(), std::ios::trunc) << "junk";
  }
  const Opened opened = Open(directory.path());
  ASSERT_EQ(opened.store->blocks().size(), 1U);
  EXPECT_EQ(Read(opened.store->blocks()[0], 1), SamplesOf(kBlockMillis, 1));
  EXPECT_EQ(opened.store->volumes(), 2U) << "the damaged one still expires";
  EXPECT_EQ(opened.store->OldestVolumeEnd(), 12 * kBlockMillis);
}

}  // namespace
}  // namespace tocsin::storage
