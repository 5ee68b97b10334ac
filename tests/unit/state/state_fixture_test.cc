// Yesterday's state still opens: storage/fixtures/v1/state is what the first version left behind.

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include "storage/state/state_db.h"
#include "tests/unit/temporary_directory.h"

namespace tocsin::storage {
namespace {

TEST(StateFixtureTest, ReadsWhatVersion1Wrote) {
  const std::string fixture = TOCSIN_SOURCE_DIR "/storage/fixtures/v1/state";
  std::ifstream expected(fixture + "/entries.txt");
  const std::string entries(std::istreambuf_iterator<char>(expected), {});
  ASSERT_FALSE(entries.empty());

  const TemporaryDirectory home;
  const std::string path = home / "data";
  std::filesystem::copy(fixture + "/files", path, std::filesystem::copy_options::recursive);
  std::string found;
  {
    const auto state = StateDb::Open(path, Telemetry::None());
    ASSERT_TRUE(state.has_value()) << state.error().ToString();
    for (const std::string section : {"alerting", "generator", "rules"}) {
      const auto pairs = (*state)->Load(section);
      ASSERT_TRUE(pairs.has_value()) << pairs.error().ToString();
      for (const auto& [key, value] : *pairs) {
        found.append(section).append(" ").append(key).append(" = ").append(value).append("\n");
      }
    }
  }
  EXPECT_EQ(found, entries);
}

}  // namespace
}  // namespace tocsin::storage
