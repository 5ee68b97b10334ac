// What the configuration makes of the engine where that is more than a copy.

#include "cpp/server/engine_options.h"

#include <cstdint>

#include <gtest/gtest.h>

namespace tocsin::server {
namespace {

config::RemoteWrite Writer(Nanos max_age, uint64_t max_bytes) {
  config::RemoteWrite writer;
  writer.wal_max_age = max_age;
  writer.wal_max_bytes = max_bytes;
  return writer;
}

TEST(EngineOptionsTest, TheLogIsKeptForTheWriterThatAsksForMost) {
  config::Config config;
  config.remote_write = {Writer(kMinute, 300), Writer(kHour, 200)};
  const engine::EngineOptions options = EngineOptionsOf(config);
  EXPECT_EQ(options.series.log_keep, kHour);
  EXPECT_EQ(options.series.log_keep_bytes, 300U);
}

TEST(EngineOptionsTest, AWriterWithoutBoundsHasNone) {
  config::Config config;
  config.remote_write = {Writer(kMinute, 300), Writer(0, 0)};
  const engine::EngineOptions options = EngineOptionsOf(config);
  EXPECT_GT(options.series.log_keep, 10 * 365 * kDay);
  EXPECT_EQ(options.series.log_keep_bytes, UINT64_MAX);
}

}  // namespace
}  // namespace tocsin::server
