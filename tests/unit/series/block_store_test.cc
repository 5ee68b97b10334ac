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

Status WriteBlock(BlockStore& store, Millis start, const std::vector<SeriesId>& ids) {
  std::vector<BlockStore::SeriesChunks> series;
  for (const SeriesId id : ids) {
    HeadSeries head;
    for (const Sample& sample : SamplesOf(start, id)) head.Append(sample);
    series.push_back({id, {}});
    head.Collect(INT64_MIN, INT64_MAX, &series.back().chunks);
  }
  auto block = store.Write(start, series, LabelsFor);
  if (!block.has_value()) return block.error();
  store.Publish(*std::move(block));
  return {};
}

std::vector<Sample> Read(const SampleBlock& block, SeriesId id, Millis from = INT64_MIN,
                         Millis to = INT64_MAX) {
  std::vector<Sample> samples;
  const Status read = block.Read(id, from, to, &samples);
  EXPECT_TRUE(read.ok()) << read.ToString();
  return samples;
}

TEST(SeriesSetTest, HasWhatWasAdded) {
  SeriesSet set;
  for (const SeriesId id : {1U, 63U, 64U, 100'000U, 64U}) set.Add(id);
  EXPECT_EQ(set.size(), 4U);
  EXPECT_TRUE(set.Has(63) && set.Has(64) && set.Has(100'000));
  EXPECT_FALSE(set.Has(0) || set.Has(65) || set.Has(UINT32_MAX));
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
    const SampleBlock& block = *opened.store->blocks()[i];
    EXPECT_EQ(block.start(), starts[i]);
    EXPECT_EQ(block.series().size(), 3U);
    for (const SeriesId id : {1U, 2U, 5U}) EXPECT_EQ(Read(block, id), SamplesOf(starts[i], id));
    EXPECT_TRUE(Read(block, 3).empty());
    EXPECT_EQ(Read(block, 1, starts[i] + 60'001, starts[i] + 60'001).size(), 1U);
  }
  EXPECT_GT(opened.store->Bytes(), 0U);
}

TEST(BlockStoreTest, ABlockWithoutFooterDoesNotExistAndCanBeWrittenAgain) {
  const TemporaryDirectory directory;
  {
    const Opened opened = Open(directory.path());
    std::vector<SeriesId> many(2'000);
    for (SeriesId i = 0; i < many.size(); ++i) many[i] = i + 1;
    const FullDisk full(100'000);
    EXPECT_EQ(WriteBlock(*opened.store, 0, many).code(), StatusCode::kUnavailable);
    EXPECT_TRUE(opened.store->blocks().empty());
  }
  const Opened opened = Open(directory.path());
  EXPECT_TRUE(opened.store->blocks().empty());
  ASSERT_TRUE(WriteBlock(*opened.store, 0, {1}).ok());
  EXPECT_EQ(Read(*opened.store->blocks()[0], 1), SamplesOf(0, 1));
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
  EXPECT_EQ(Read(*block, 1), SamplesOf(0, 1));
  EXPECT_EQ(std::distance(fs::directory_iterator(directory.path()), {}), 2);
  block.reset();
  EXPECT_EQ(std::distance(fs::directory_iterator(directory.path()), {}), 1);
  EXPECT_EQ(Read(*opened.store->blocks()[0], 1), SamplesOf(kBlockMillis, 1));
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
  EXPECT_EQ(Read(*opened.store->blocks()[0], 1), SamplesOf(kBlockMillis, 1));
  EXPECT_EQ(opened.store->volumes(), 2U) << "the damaged one still expires";
  EXPECT_EQ(opened.store->OldestVolumeEnd(), 12 * kBlockMillis);
}

}  // namespace
}  // namespace tocsin::storage
