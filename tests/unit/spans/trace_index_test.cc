// The index of a volume finds every segment of every trace it was given, in memory, on disk and
// after both, and few others.

#include "storage/spans/trace_index.h"

#include <random>
#include <set>

#include "storage/volume/volume.h"
#include "tests/unit/spans/test_support.h"

namespace tocsin::storage {
namespace {

class TraceIndexTest : public testing::Test {
 protected:
  void SetUp() override {
    auto volume = Volume::Open(directory_ / "volume", {}, Telemetry::None());
    ASSERT_TRUE(volume.has_value());
    volume_ = *std::move(volume);
  }

  // Adds segments [first, last) of `count` traces each; some traces are in several.
  void Add(TraceIndex& index, uint64_t first, uint64_t last, size_t count) {
    for (uint64_t segment = first; segment < last; ++segment) {
      std::set<TraceId> ids;
      while (ids.size() < count) {
        const uint64_t number = random_() % 8 == 0 ? random_() % 20 : random_();
        ids.insert({number * 0x2545f4914f6cdd1dU, number});
      }
      index.Add(segment, std::vector<TraceId>(ids.begin(), ids.end()));
      for (const TraceId& id : ids) expected_.insert({id, segment});
    }
  }

  void ExpectAll(const TraceIndex& index) {
    std::vector<TraceId> ids;
    for (const auto& [id, segment] : expected_) {
      if (ids.empty() || ids.back() != id) ids.push_back(id);
    }
    std::shuffle(ids.begin(), ids.end(), random_);
    std::set<std::pair<TraceId, uint64_t>> found;
    ASSERT_TRUE(index
                    .Find(ids, *volume_, cache_,
                          [&](size_t i, uint64_t segment) { found.insert({ids[i], segment}); })
                    .ok());
    EXPECT_EQ(found, expected_);
    size_t strangers = 0;
    for (uint64_t n = 0; n < 1'000; ++n) {
      const TraceId stranger{random_(), random_()};
      ASSERT_TRUE(
          index.Find({&stranger, 1}, *volume_, cache_, [&](size_t, uint64_t) { ++strangers; })
              .ok());
    }
    EXPECT_LT(strangers, 10U);
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Volume> volume_;
  ColumnCache cache_{size_t{1} << 20};
  std::mt19937_64 random_{7};
  std::set<std::pair<TraceId, uint64_t>> expected_;
};

TEST_F(TraceIndexTest, FindsInMemoryOnDiskAndInBoth) {
  TraceIndex index(1);
  Add(index, 1, 30, 500);
  ExpectAll(index);
  ASSERT_TRUE(index.Store(volume_.get()).ok());
  EXPECT_EQ(index.MemoryEntries(), 0U);
  ExpectAll(index);
  Add(index, 30, 50, 500);
  ExpectAll(index);
  ASSERT_TRUE(index.Store(volume_.get()).ok());
  ExpectAll(index);

  TraceIndex loaded(1);
  ASSERT_TRUE(loaded.Load(*volume_).ok());
  ExpectAll(loaded);
  EXPECT_TRUE(loaded.Covers(49));
  EXPECT_FALSE(loaded.Covers(50));
}

TEST_F(TraceIndexTest, OnePartTakesThePlaceOfAllAndForgetsWhatIsGone) {
  TraceIndex index(1);
  Add(index, 1, 10, 300);
  ASSERT_TRUE(index.Store(volume_.get()).ok());
  Add(index, 10, 20, 300);
  ASSERT_TRUE(index.Store(volume_.get(), [](uint64_t segment) { return segment % 3 != 0; }).ok());
  std::erase_if(expected_, [](const auto& entry) { return entry.second % 3 == 0; });
  ExpectAll(index);
  TraceIndex loaded(1);
  ASSERT_TRUE(loaded.Load(*volume_).ok());
  ExpectAll(loaded);
  EXPECT_FALSE(loaded.Covers(3));
}

TEST_F(TraceIndexTest, ADamagedPageIsAnErrorAndADamagedPartIsNotCovered) {
  TraceIndex index(1);
  Add(index, 1, 5, 300);
  ASSERT_TRUE(index.Store(volume_.get()).ok());
  const auto damage = [&](std::string_view suffix) {
    const std::string key = "i" + std::string(7, '\0') + std::string(suffix);
    std::string value = *volume_->Get(key);
    value[value.size() / 2] ^= 4;
    ASSERT_TRUE(volume_->Put(key, value, true).ok());
  };
  damage(std::string_view("\1", 1));
  const TraceId id = expected_.begin()->first;
  EXPECT_EQ(index.Find({&id, 1}, *volume_, cache_, [](size_t, uint64_t) {}).code(),
            StatusCode::kCorruption);
  damage(std::string_view("\0", 1));
  TraceIndex loaded(1);
  ASSERT_TRUE(loaded.Load(*volume_).ok());
  EXPECT_FALSE(loaded.Covers(1));
}

}  // namespace
}  // namespace tocsin::storage
