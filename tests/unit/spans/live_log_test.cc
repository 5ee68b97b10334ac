// The live log gives back every record that it acknowledged, once and in order, whatever the end of
// its process left behind; and it never takes damaged bytes for a record.

#include "storage/spans/live_log.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "cpp/base/coding.h"
#include "cpp/base/crc32c.h"
#include "storage/volume/files.h"
#include "tests/unit/spans/test_support.h"

namespace tocsin::storage {
namespace {

namespace fs = std::filesystem;

struct Seen {
  LogPosition position = 0;
  std::string tenant;
  std::string payload;
  friend bool operator==(const Seen&, const Seen&) = default;
};

class LiveLogTest : public testing::Test {
 protected:
  LiveLogOptions Options() const {
    LiveLogOptions options;
    options.path = directory_ / "log";
    options.sync = LogSync::kAlways;
    return options;
  }

  std::unique_ptr<LiveLog> Open(LiveLogOptions options, LogPosition floor = 0) {
    seen_.clear();
    auto log = LiveLog::Open(std::move(options), Telemetry::None());
    EXPECT_TRUE(log.has_value()) << log.error().ToString();
    const Status recovered = (*log)->Recover(floor, now_, [&](const LogRecord& record) {
      seen_.push_back({record.position, std::string(record.tenant), std::string(record.payload)});
    });
    EXPECT_TRUE(recovered.ok()) << recovered.ToString();
    return *std::move(log);
  }
  std::unique_ptr<LiveLog> Open() { return Open(Options()); }

  Result<LiveLog::Appended> Append(LiveLog& log, std::string_view payload,
                                   std::string_view tenant = "t") {
    LiveLog::Entry entry;
    entry.received = now_;
    entry.body_hash = Hash128(payload);
    entry.tenant = tenant;
    entry.payload = payload;
    return log.Append(entry);
  }
  LogPosition MustAppend(LiveLog& log, std::string_view payload, std::string_view tenant = "t") {
    const auto appended = Append(log, payload, tenant);
    EXPECT_TRUE(appended.has_value()) << appended.error().ToString();
    EXPECT_FALSE(appended->duplicate);
    return appended->position;
  }

  std::vector<std::string> Files(std::string_view extension = ".log") const {
    std::vector<std::string> files;
    for (const auto& entry : fs::directory_iterator(directory_ / "log")) {
      if (entry.path().extension() == extension) files.push_back(entry.path().string());
    }
    std::sort(files.begin(), files.end());
    return files;
  }
  static std::string Read(const std::string& path) { return *ReadFile(path); }
  static void Write(const std::string& path, std::string_view bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }

  TemporaryDirectory directory_;
  Nanos now_ = kTestStart;
  std::vector<Seen> seen_;
};

TEST_F(LiveLogTest, GivesBackWhatWasAppendedInOrder) {
  {
    auto log = Open();
    EXPECT_TRUE(seen_.empty());
    EXPECT_EQ(MustAppend(*log, "one", "a"), 1U);
    EXPECT_EQ(MustAppend(*log, "two", ""), 2U);
    EXPECT_EQ(MustAppend(*log, std::string(100'000, 'x'), "b"), 3U);
    EXPECT_EQ(log->last_position(), 3U);
  }
  auto log = Open();
  EXPECT_EQ(seen_, (std::vector<Seen>{
                       {1, "a", "one"}, {2, "", "two"}, {3, "b", std::string(100'000, 'x')}}));
  EXPECT_EQ(MustAppend(*log, "four"), 4U);
}

TEST_F(LiveLogTest, ATailTornAtAnyByteLosesOnlyTheRecordItTore) {
  std::vector<size_t> ends;  // File size after each record.
  std::string file;
  {
    auto log = Open();
    for (const char* payload : {"alpha", "beta", "gamma"}) {
      MustAppend(*log, payload);
      ends.push_back(fs::file_size(Files().back()));
    }
    file = Files().back();
  }
  const std::string whole = Read(file);
  const std::string path = directory_ / "log";
  for (size_t size = 0; size < whole.size(); ++size) {
    SCOPED_TRACE(size);
    fs::remove_all(path);
    fs::create_directories(path);
    Write(file, whole.substr(0, size));
    const auto log = Open();
    const auto complete = static_cast<size_t>(
        std::count_if(ends.begin(), ends.end(), [&](size_t end) { return end <= size; }));
    ASSERT_EQ(seen_.size(), complete);
    EXPECT_EQ(MustAppend(*log, "next"), complete + 1);
    // And it was cut off: the next recovery finds nothing torn and the new record behind.
    const auto again = Open();
    ASSERT_EQ(seen_.size(), complete + 1);
    EXPECT_EQ(seen_.back().payload, "next");
  }
}

TEST_F(LiveLogTest, EveryFlippedBitLosesAtMostTheRecordItIsIn) {
  std::vector<size_t> ends;
  std::string file;
  {
    auto log = Open();
    for (const char* payload : {"alpha", "beta", "gamma", "delta"}) {
      MustAppend(*log, payload);
      ends.push_back(fs::file_size(Files().back()));
    }
    file = Files().back();
  }
  const std::string whole = Read(file);
  const std::string path = directory_ / "log";
  for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
    SCOPED_TRACE(bit);
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    fs::remove_all(path);
    fs::create_directories(path);
    Write(file, flipped);
    const auto log = Open();
    std::vector<std::string> expected = {"alpha", "beta", "gamma", "delta"};
    if (bit / 8 >= kLogHeaderBytes) {
      const auto hit = static_cast<size_t>(
          std::count_if(ends.begin(), ends.end(), [&](size_t end) { return end <= bit / 8; }));
      expected.erase(expected.begin() + static_cast<ptrdiff_t>(hit));
    }
    std::vector<std::string> payloads;
    for (const Seen& seen : seen_) payloads.push_back(seen.payload);
    ASSERT_EQ(payloads, expected);
    EXPECT_GE(MustAppend(*log, "next"), seen_.back().position + 1);
  }
}

TEST_F(LiveLogTest, ALaterFormatVersionIsRefusedByName) {
  {
    const auto log = Open();
  }
  std::string bytes = EncodeLogHeader(7);
  bytes[8] = 2;
  bytes.resize(bytes.size() - 4);
  // The checksum of the header as a later version would write it.
  std::string crc;
  PutFixed32(&crc, Crc32c(bytes));
  Write(directory_ / "log/00000009.log", bytes + crc);
  const auto log = LiveLog::Open(Options(), Telemetry::None());
  ASSERT_FALSE(log.has_value());
  EXPECT_EQ(log.error().code(), StatusCode::kFailedPrecondition);
  EXPECT_NE(log.error().message().find("version 2"), std::string::npos) << log.error().message();
}

TEST_F(LiveLogTest, PositionsGoOnAboveTheFloorAndAboveLostRecords) {
  {
    auto log = Open(Options(), 41);
    EXPECT_EQ(MustAppend(*log, "x"), 42U);
    EXPECT_EQ(MustAppend(*log, "y"), 43U);
    ASSERT_TRUE(log->Roll().ok());
  }
  // The file with both is lost; the empty one behind it remembers.
  fs::remove(Files().front());
  auto log = Open();
  EXPECT_EQ(MustAppend(*log, "z"), 44U);
}

TEST_F(LiveLogTest, ARepeatWithinTenMinutesIsTheSameRecord) {
  auto log = Open();
  EXPECT_EQ(MustAppend(*log, "body", "a"), 1U);
  now_ += 10 * kMinute - 1;
  const auto again = Append(*log, "body", "a");
  ASSERT_TRUE(again.has_value());
  EXPECT_TRUE(again->duplicate);
  EXPECT_EQ(again->position, 1U);
  EXPECT_EQ(log->FindRecent("a", Hash128("body"), now_), LogPosition{1});
  // Another tenant's is another request.
  EXPECT_EQ(MustAppend(*log, "body", "b"), 2U);
  now_ += 1;
  EXPECT_FALSE(log->FindRecent("a", Hash128("body"), now_));
  EXPECT_EQ(MustAppend(*log, "body", "a"), 3U);
}

TEST_F(LiveLogTest, ARepeatIsRecognisedAfterARestartAndAfterItsFileWasDropped) {
  {
    auto log = Open();
    MustAppend(*log, "first");
    ASSERT_TRUE(log->Roll().ok());
    MustAppend(*log, "second");
  }
  {
    auto log = Open();
    EXPECT_TRUE(Append(*log, "first")->duplicate);
    ASSERT_TRUE(log->DropBefore(2, now_).ok());
    EXPECT_EQ(Files(".requests").size(), 1U);
  }
  {
    auto log = Open();
    ASSERT_EQ(seen_.size(), 1U);
    EXPECT_EQ(seen_[0].payload, "second");
    EXPECT_TRUE(Append(*log, "first")->duplicate);
    EXPECT_EQ(Append(*log, "first")->position, 1U);
    now_ += 10 * kMinute;
    ASSERT_TRUE(log->DropBefore(2, now_).ok());
    EXPECT_TRUE(Files(".requests").empty());
    EXPECT_EQ(MustAppend(*log, "first"), 3U);
  }
}

TEST_F(LiveLogTest, FilesAreDroppedWholeAndNeverTheActiveOne) {
  LiveLogOptions options = Options();
  options.file_bytes = 300;
  auto log = Open(options);
  for (int i = 0; i < 20; ++i) MustAppend(*log, std::string(100, static_cast<char>('a' + i)));
  const size_t before = Files().size();
  EXPECT_GE(before, 9U);
  now_ += kHour;  // So that no side files are left.
  ASSERT_TRUE(log->DropBefore(1, now_).ok());
  EXPECT_EQ(Files().size(), before);
  ASSERT_TRUE(log->DropBefore(11, now_).ok());
  EXPECT_LT(Files().size(), before);
  log.reset();
  log = Open(options);
  ASSERT_FALSE(seen_.empty());
  EXPECT_LE(seen_.front().position, 11U);
  EXPECT_EQ(seen_.back().position, 20U);
  ASSERT_TRUE(log->DropBefore(1'000, now_).ok());
  EXPECT_EQ(Files().size(), 1U);
  EXPECT_EQ(log->bytes(), kLogHeaderBytes);
  EXPECT_EQ(MustAppend(*log, "next"), 21U);
}

TEST_F(LiveLogTest, AFullDiskIsUnavailableLeavesNothingAndHeals) {
  size_t room = SIZE_MAX;
  LiveLogOptions options = Options();
  options.write_hook = [&](size_t wanted) {
    const size_t given = std::min(room, wanted);
    if (room != SIZE_MAX) room -= given;
    return given;
  };
  auto log = Open(options);
  MustAppend(*log, "before");
  const uint64_t bytes = log->bytes();
  for (size_t left = 0; left < 60; ++left) {  // Cut short at every byte of the record.
    room = left;
    const auto refused = Append(*log, "refused");
    ASSERT_FALSE(refused.has_value()) << left;
    EXPECT_EQ(refused.error().code(), StatusCode::kUnavailable);
    EXPECT_EQ(log->bytes(), bytes);
    if (left == 41) break;  // One byte less than "refused" takes: 8 + 33 + 1 + 1 + 7 is 50.
  }
  room = SIZE_MAX;
  EXPECT_EQ(MustAppend(*log, "refused"), 2U);
  log.reset();
  log = Open();
  ASSERT_EQ(seen_.size(), 2U);
  EXPECT_EQ(seen_[1].payload, "refused");
}

TEST_F(LiveLogTest, ARollOnAFullDiskIsRetried) {
  bool full = false;
  LiveLogOptions options = Options();
  options.file_bytes = 100;
  options.write_hook = [&](size_t wanted) { return full ? 0 : wanted; };
  auto log = Open(options);
  MustAppend(*log, std::string(100, 'x'));
  full = true;
  EXPECT_EQ(Append(*log, "y").error().code(), StatusCode::kUnavailable);
  EXPECT_EQ(Files().size(), 1U);
  full = false;
  EXPECT_EQ(MustAppend(*log, "y"), 2U);
  EXPECT_EQ(Files().size(), 2U);
}

TEST_F(LiveLogTest, OpensOnAFullDiskAndHeals) {
  {
    auto log = Open();
    MustAppend(*log, "old");
  }
  bool full = true;
  LiveLogOptions options = Options();
  options.write_hook = [&](size_t wanted) { return full ? 0 : wanted; };
  auto log = Open(options);
  ASSERT_EQ(seen_.size(), 1U);
  EXPECT_EQ(Append(*log, "new").error().code(), StatusCode::kUnavailable);
  full = false;
  EXPECT_EQ(MustAppend(*log, "new"), 2U);
  log.reset();
  log = Open();
  EXPECT_EQ(seen_.size(), 2U);
}

TEST_F(LiveLogTest, AFailedSyncIsUnavailableAndItsRecordsAreWrittenOnceMore) {
  int failures = 0;
  LiveLogOptions options = Options();
  options.sync_hook = [&] { return failures-- > 0 ? EIO : 0; };
  auto log = Open(options);
  ASSERT_TRUE(log->WaitDurable(MustAppend(*log, "safe")).ok());
  failures = 2;  // The sync, and that of the copy.
  const LogPosition position = MustAppend(*log, "unsure");
  EXPECT_EQ(log->WaitDurable(position).code(), StatusCode::kUnavailable);
  const LogPosition later = MustAppend(*log, "later");
  // The next attempt does not trust the old file again: the copy is what becomes durable.
  EXPECT_TRUE(log->WaitDurable(later).ok());
  EXPECT_EQ(Files().size(), 2U);
  MustAppend(*log, "last");
  log.reset();
  log = Open();
  ASSERT_EQ(seen_.size(), 4U);
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(seen_[i].position, i + 1);
  EXPECT_EQ(seen_[1].payload, "unsure");
}

TEST_F(LiveLogTest, ManyWaitersShareSyncs) {
  std::atomic<int> syncs = 0;
  LiveLogOptions options = Options();
  options.sync_hook = [&] {
    ++syncs;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    return 0;
  };
  auto log = Open(options);
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        const std::string body = std::to_string(t) + "/" + std::to_string(i);
        ASSERT_TRUE(log->WaitDurable(MustAppend(*log, body)).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(log->last_position(), 200U);
  EXPECT_LT(syncs.load(), 200);
}

TEST_F(LiveLogTest, TheIntervalPolicySyncsInTheBackground) {
  std::atomic<int> syncs = 0;
  LiveLogOptions options = Options();
  options.sync = LogSync::kInterval;
  options.sync_interval = kMillisecond;
  options.sync_hook = [&] {
    ++syncs;
    return 0;
  };
  auto log = Open(options);
  MustAppend(*log, "x");
  while (syncs.load() == 0) std::this_thread::yield();
}

TEST(RecentRequestsTest, KeepsTenMinutesAndNoMoreThanItsBound) {
  RecentRequests recent(1'000);
  const auto key = [](uint64_t i) { return Hash128(std::to_string(i)); };
  for (uint64_t i = 0; i < 5'000; ++i) {
    recent.Add({key(i), kTestStart + static_cast<Nanos>(i) * kSecond, i + 1});
  }
  const Nanos now = kTestStart + 5'000 * kSecond;
  EXPECT_FALSE(recent.Find(key(4'400), now));  // Exactly ten minutes.
  for (uint64_t i = 4'401; i < 5'000; ++i) ASSERT_EQ(recent.Find(key(i), now), i + 1);
  EXPECT_LE(recent.size(), 720U);  // Ten minutes, and the one that is not over yet.
  for (uint64_t i = 0; i < 100'000; ++i) recent.Add({key(i), now + static_cast<Nanos>(i), i});
  EXPECT_LE(recent.size(), 1'000U);  // Also of one minute.
  EXPECT_FALSE(recent.Find(key(98'999), now));
  EXPECT_EQ(recent.Find(key(99'999), now), 99'999U);
  EXPECT_EQ(recent.InRange(99'200, 99'202, now).size(), 3U);
  recent.Add({key(200'000), now + 20 * kMinute, 200'000});
  EXPECT_EQ(recent.size(), 1U);
}

TEST(LogFormatTest, RequestFilesRoundTripAndRefuseEveryFlippedBit) {
  const std::vector<RecentRequest> requests = {{{1, 2}, 3, 4}, {{5, 6}, 7, 8}};
  const std::string bytes = EncodeRecentRequests(requests);
  const auto decoded = DecodeRecentRequests(bytes);
  ASSERT_TRUE(decoded.has_value());
  ASSERT_EQ(decoded->size(), 2U);
  EXPECT_EQ((*decoded)[1].key, (Hash128Value{5, 6}));
  EXPECT_EQ((*decoded)[1].position, 8U);
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(DecodeRecentRequests(flipped).has_value()) << bit;
  }
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(DecodeRecentRequests(bytes.substr(0, size)).has_value()) << size;
  }
}

}  // namespace
}  // namespace tocsin::storage
