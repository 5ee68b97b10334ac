// The process may end between any two steps. Whatever it leaves behind, the next one has every
// acknowledged row exactly once, and observes exactly what no checkpoint covers.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>

#include "cpp/base/log.h"
#include "storage/spans/deletions.h"
#include "storage/spans/segment_marks.h"
#include "storage/volume/volume.h"
#include "tests/unit/spans/store_fixture.h"

namespace tocsin::storage {
namespace {

namespace fs = std::filesystem;

class RecoveryTest : public StoreTest {
 protected:
  std::vector<std::string> FilesOf(std::string_view folder, std::string_view extension) const {
    std::vector<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(directory_ / folder)) {
      if (entry.path().extension() == extension) files.push_back(entry.path().string());
    }
    std::sort(files.begin(), files.end());
    return files;
  }
};

// One schedule of random steps. At every crash point the directory is copied as a killed process
// leaves it, and a second store is opened on the copy and asked.
class Schedule {
 public:
  explicit Schedule(uint32_t seed) : random_(seed) {
    options_.path = directory_ / "data";
    options_.background = false;
    options_.backpressure_wait = 0;
    options_.max_block_bytes = 200 + random_() % 5'000;
    options_.max_block_duration = static_cast<Nanos>(random_() % 40) * kSecond;
    options_.max_trace_live = static_cast<Nanos>(5 + random_() % 60) * kSecond;
    options_.live_bytes_budget = 20'000 + random_() % 200'000;
    if (random_() % 3 == 0) options_.max_bytes = uint64_t{1} << 30;
    options_.want_checkpoint = [this] {
      CrashHere("before the log is dropped");
      if (random_() % 2 == 0) Checkpoint();
    };
    options_.seal_hook = [this]() -> Status {
      CrashHere("before a segment is written");
      if (random_() % 8 == 0) return UnavailableError("full");
      return {};
    };
    Start();
  }

  void Run(int steps) {
    for (int i = 0; i < steps && !testing::Test::HasFatalFailure(); ++i) Step();
  }

 private:
  void Start() {
    std::multiset<LogPosition> replayed;
    options_.checkpoint = checkpoint_;
    auto store = SpanStore::Open(options_, clock_, Telemetry::None(),
                                 [&](const LoggedBatch& b) { replayed.insert(b.position); });
    ASSERT_TRUE(store.has_value()) << store.error().ToString();
    store_ = *std::move(store);
    EXPECT_EQ(replayed, Unchecked());
    Check(*store_);
  }

  // The positions that no checkpoint covers.
  std::multiset<LogPosition> Unchecked() const {
    return {positions_.upper_bound(checkpoint_), positions_.end()};
  }

  void Check(const SpanStore& store) {
    for (const auto& [tenant, rows] : rows_) {
      ASSERT_EQ(SpanIdsOf(*store.View(tenant, 0, UINT64_MAX)), rows) << tenant;
    }
  }

  void CrashHere(const char* where) {
    if (random_() % 4 != 0) return;
    SCOPED_TRACE(where);
    const std::string copy = directory_ / "copy";
    CopyDirectory(options_.path, copy);
    if (random_() % 2 == 0) TearLog(copy + "/log");
    SpanStoreOptions options = options_;
    options.path = copy;
    options.want_checkpoint = nullptr;
    options.seal_hook = nullptr;
    std::multiset<LogPosition> replayed;
    options.checkpoint = checkpoint_;
    auto store = SpanStore::Open(options, clock_, Telemetry::None(),
                                 [&](const LoggedBatch& b) { replayed.insert(b.position); });
    ASSERT_TRUE(store.has_value()) << store.error().ToString();
    EXPECT_EQ(replayed, Unchecked());
    Check(**store);
    for (const std::string& body : bodies_) {
      const auto repeat = (*store)->Append({"a", Hash128(body), MakeBatch({{0, 1}})}, {});
      ASSERT_TRUE(repeat.has_value());
      ASSERT_TRUE(repeat->duplicate);
    }
    ASSERT_TRUE((*store)->Flush().ok());
    Check(**store);
  }

  // The first bytes of a record that was being written.
  void TearLog(const std::string& path) {
    std::string newest;
    for (const auto& entry : fs::directory_iterator(path)) {
      if (entry.path().extension() == ".log") newest = std::max(newest, entry.path().string());
    }
    LogRecord record;
    record.position = positions_.empty() ? 1 : *positions_.rbegin() + 1;
    record.payload = "payload";
    const std::string bytes = EncodeLogRecordHead(record);
    std::ofstream(newest, std::ios::binary | std::ios::app)
        << bytes.substr(0, 1 + random_() % (bytes.size() - 1));
  }

  void Checkpoint() {
    checkpoint_ = store_->last_position();
    store_->SetCheckpoint(checkpoint_);
  }

  void Step() {
    clock_.Advance(static_cast<Nanos>(random_() % 3) * kSecond);
    switch (random_() % 16) {
      case 0:
        (void)store_->Flush().ok();
        break;
      case 1:
        Checkpoint();
        break;
      case 2:  // Stopped and started.
        store_.reset();
        Start();
        break;
      case 3:  // Killed, and the copy goes on.
        CopyDirectory(options_.path, directory_ / "next");
        store_.reset();
        fs::remove_all(options_.path);
        fs::rename(directory_ / "next", options_.path);
        Start();
        break;
      case 4:
      case 5:
      case 6:
        (void)store_->RunDue().ok();
        break;
      default:
        AppendSome();
        break;
    }
    if (store_ != nullptr) Check(*store_);
    CrashHere("between steps");
  }

  void AppendSome() {
    const std::string tenant(1, static_cast<char>('a' + random_() % 2));
    std::vector<TestSpan> spans(1 + random_() % 10);
    for (TestSpan& span : spans) {
      span.trace = random_() % 12;
      span.id = next_++;
      span.start += static_cast<uint64_t>(random_() % 1'000);
    }
    const std::string body = std::to_string(next_);
    const auto done = store_->Append({tenant, Hash128(body), MakeBatch(spans)}, {});
    if (!done.has_value()) return;  // Over the bound while sealing is refused.
    positions_.insert(done->position);
    for (const TestSpan& span : spans) rows_[tenant].insert(span.id);
    if (tenant == "a") bodies_.push_back(body);
  }

  TemporaryDirectory directory_;
  VirtualClock clock_{kTestStart};
  std::mt19937_64 random_;
  SpanStoreOptions options_;
  std::unique_ptr<SpanStore> store_;
  std::map<std::string, std::multiset<SpanId>> rows_;
  std::set<LogPosition> positions_;
  std::vector<std::string> bodies_;  // Of tenant a.
  LogPosition checkpoint_ = 0;
  SpanId next_ = 1;
};

TEST(RecoveryScheduleTest, EveryAcknowledgedRowIsThereOnceAfterAnyCrash) {
  log::SetLevel(log::Level::kError);
  for (uint32_t seed = 0; seed < 60 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Schedule(seed).Run(60);
  }
  log::SetLevel(log::Level::kInfo);
}

TEST_F(RecoveryTest, ADamagedSegmentIsPutAsideAndTheRestServed) {
  auto store = Open();
  for (SpanId i = 1; i <= 3; ++i) {
    MustAppend(*store, {{i, i}, {9, 10 + i}});
    ASSERT_TRUE(store->Flush().ok());
  }
  store.reset();
  {
    auto volume = Volume::Open(directory_ / "data/volumes/00000001", {}, Telemetry::None());
    ASSERT_TRUE(volume.has_value());
    std::string value = *(*volume)->Get(SegmentKey(2, 0));
    value[value.size() / 2] = static_cast<char>(value[value.size() / 2] ^ 1);
    ASSERT_TRUE((*volume)->Put(SegmentKey(2, 0), value, true).ok());
  }
  store = Open();
  const auto trace = store->View("t", 0, 0)->Trace(TraceOf(9));
  ASSERT_TRUE(trace.has_value());
  EXPECT_EQ(trace->span_id, (std::vector<SpanId>{11, 13}));
  EXPECT_EQ(Rows(*store), (std::multiset<SpanId>{1, 3, 11, 13}));
  // And its number is not given out again.
  MustAppend(*store, {{4, 4}});
  ASSERT_TRUE(store->Flush().ok());
  EXPECT_EQ(Rows(*store), (std::multiset<SpanId>{1, 3, 4, 11, 13}));
}

TEST_F(RecoveryTest, ADamagedVolumeIsPutAsideAndTheRestServed) {
  SpanStoreOptions options = Options();
  auto store = Open(options);
  for (SpanId day = 1; day <= 3; ++day) {
    MustAppend(*store, {{day, day, static_cast<uint64_t>(clock_.Now())}});
    ASSERT_TRUE(store->Flush().ok());
    clock_.Advance(kDay);
    ASSERT_TRUE(store->RunDue().ok());
  }
  EXPECT_EQ(store->GetStats().volumes, 3U);
  store.reset();
  for (const auto& entry : fs::directory_iterator(directory_ / "data/volumes/00000002")) {
    std::ofstream(entry.path(), std::ios::binary | std::ios::trunc) << "not what it was";
  }
  store = Open(options);
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(Rows(*store), (std::multiset<SpanId>{1, 3}));
  MustAppend(*store, {{4, 4, static_cast<uint64_t>(clock_.Now())}});
  ASSERT_TRUE(store->Flush().ok());
  EXPECT_EQ(Rows(*store), (std::multiset<SpanId>{1, 3, 4}));
  // Retention removes it when its turn comes.
  clock_.Advance(60 * kDay);
  ASSERT_TRUE(store->RunDue().ok());
  EXPECT_EQ(store->GetStats().volumes, 0U);
  EXPECT_FALSE(fs::exists(directory_ / "data/volumes/00000002"));
}

TEST_F(RecoveryTest, ADeletionIsFinishedAlsoWhereOneSegmentCannotBeMarked) {
  auto store = Open();
  for (SpanId i = 1; i <= 2; ++i) {
    MustAppend(*store, {{i, i}});
    ASSERT_TRUE(store->Flush().ok());
  }
  store.reset();
  {
    // What a crash leaves of a deletion of both; one of its bitmaps is no bitmap.
    traceql::Bitmap rows(1);
    rows.Set(0);
    auto volume = Volume::Open(directory_ / "data/volumes/00000001", {}, Telemetry::None());
    ASSERT_TRUE(volume.has_value());
    const std::string record = EncodeDeletion({{1, "damaged"}, {2, EncodeDeleted(rows)}});
    ASSERT_TRUE((*volume)->Put(DeletionKey(1), record, /*sync=*/true).ok());
  }
  store = Open();
  EXPECT_EQ(Rows(*store), std::multiset<SpanId>{1});
}

TEST_F(RecoveryTest, ADamagedLogLosesOnlyWhatWasDamaged) {
  auto store = Open();
  for (SpanId i = 1; i <= 5; ++i) MustAppend(*store, {{i, i}});
  store.reset();
  const std::string file = FilesOf("data/log", ".log").front();
  std::string bytes = *ReadFile(file);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x40);  // In the third.
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
  store = Open();
  EXPECT_EQ(Rows(*store), (std::multiset<SpanId>{1, 2, 4, 5}));
  EXPECT_EQ(MustAppend(*store, {{6, 6}}), 6U);
}

TEST_F(RecoveryTest, TheLossOfTheWholeLogReusesNoPosition) {
  auto store = Open();
  for (SpanId i = 1; i <= 5; ++i) MustAppend(*store, {{i, i}});
  ASSERT_TRUE(store->Flush().ok());
  store.reset();
  fs::remove_all(directory_ / "data/log");
  store = Open();
  ExpectAllThere(*store);
  EXPECT_EQ(MustAppend(*store, {{6, 6}}), 6U);
  store.reset();
  store = Open();
  ExpectAllThere(*store);
}

TEST_F(RecoveryTest, AnEmptyDirectoryAndAMissingOneAreNewStores) {
  fs::create_directories(directory_ / "data");
  EXPECT_NE(Open(), nullptr);
  SpanStoreOptions options = Options();
  options.path = directory_ / "a/b/c";
  EXPECT_NE(Open(options), nullptr);
}

TEST_F(RecoveryTest, IdleTracesOfTheLastProcessAreSealedByTheNext) {
  SpanStoreOptions options = Options();
  options.max_block_duration = 0;
  auto store = Open(options);
  MustAppend(*store, {{1, 1}, {2, 2}});
  store.reset();
  clock_.Advance(kHour);
  store = Open(options);
  ASSERT_TRUE(store->RunDue().ok());
  EXPECT_EQ(store->GetStats().segments, 1U);
  EXPECT_EQ(store->GetStats().live_traces, 0U);
  ExpectAllThere(*store);
}

}  // namespace
}  // namespace tocsin::storage
