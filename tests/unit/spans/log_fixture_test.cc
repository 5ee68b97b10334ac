// Yesterday's live log still opens: storage/fixtures/v1/log is what the first version left behind.

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>

#include "cpp/base/hash.h"
#include "storage/spans/live_log.h"
#include "tests/unit/spans/test_support.h"

namespace tocsin::storage {
namespace {

std::string Hex(const Hash128Value& value) {
  return std::to_string(value.high) + ":" + std::to_string(value.low);
}

// A record in words, as the fixture's records.txt has it, one a line.
std::string Describe(const LogRecord& record) {
  return std::to_string(record.position) + " kind " +
         std::to_string(static_cast<int>(record.kind)) + " received " +
         std::to_string(record.received) + " hash " + Hex(record.body_hash) + " tenant " +
         std::string(record.tenant) + " payload " + std::to_string(record.payload.size()) + " " +
         std::to_string(Hash64(record.payload)) + "\n";
}

TEST(LogFixtureTest, ReadsWhatVersion1Wrote) {
  const std::string fixture = TOCSIN_SOURCE_DIR "/storage/fixtures/v1/log";
  std::ifstream expected(fixture + "/records.txt");
  const std::string records(std::istreambuf_iterator<char>(expected), {});
  ASSERT_EQ(std::ranges::count(records, '\n'), 5);

  const TemporaryDirectory directory;
  LiveLogOptions options;
  options.path = directory / "log";
  CopyDirectory(fixture + "/files", options.path);
  auto log = LiveLog::Open(options, Telemetry::None());
  ASSERT_TRUE(log.has_value()) << log.error().ToString();
  std::string found;
  const Nanos now = kTestStart + kMinute;
  ASSERT_TRUE(
      (*log)->Recover(0, now, [&](const LogRecord& record) { found += Describe(record); }).ok());
  EXPECT_EQ(found, records);

  // The side file: requests of a file that had been dropped are still recognised.
  EXPECT_EQ((*log)->FindRecent("shop", Hash128("request 1"), now), 1U);
  EXPECT_EQ((*log)->FindRecent("shop", Hash128("request 2"), now), 2U);
  EXPECT_EQ((*log)->FindRecent("other", Hash128("request 1"), now), std::nullopt);
  // And it goes on behind what was there.
  LiveLog::Entry entry;
  entry.received = now;
  entry.body_hash = Hash128("new");
  entry.tenant = "shop";
  entry.payload = "new";
  EXPECT_EQ((*log)->Append(entry)->position, 8U);
}

}  // namespace
}  // namespace tocsin::storage
