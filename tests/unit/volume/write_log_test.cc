#include "storage/volume/write_log.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "storage/volume/volume.h"
#include "tests/unit/temporary_directory.h"

namespace tocsin::storage {
namespace {

namespace fs = std::filesystem;

// A volume with a log of several blocks.
class WriteLogTest : public ::testing::Test {
 protected:
  WriteLogTest() {
    auto volume = Volume::Open(path_, {}, Telemetry::None());
    EXPECT_TRUE(volume.has_value());
    for (int i = 0; i < 100; ++i) {
      const std::string value(1 + static_cast<size_t>(i) * 31, static_cast<char>('a' + i % 26));
      EXPECT_TRUE((*volume)->Put("key " + std::to_string(i), value, false).ok());
    }
    volume->reset();
    for (const auto& entry : fs::directory_iterator(path_)) {
      if (entry.path().extension() == ".log") log_ = entry.path();
    }
    EXPECT_GT(fs::file_size(log_), 100'000U);
  }

  std::vector<Finding> Found() const {
    auto found = CheckWriteLogs(path_);
    EXPECT_TRUE(found.has_value());
    return found.value_or(std::vector<Finding>());
  }

  const TemporaryDirectory home_;
  const std::string path_ = home_ / "data";
  fs::path log_;
};

TEST_F(WriteLogTest, ASoundLogHasNoFindings) { EXPECT_TRUE(Found().empty()); }

TEST_F(WriteLogTest, ADamagedByteIsFoundWhereverItIs) {
  const auto size = static_cast<std::streamoff>(fs::file_size(log_));
  for (std::streamoff at = 3; at < size; at += 4099) {
    const auto flip = [&] {
      std::fstream file(log_, std::ios::binary | std::ios::in | std::ios::out);
      file.seekg(at);
      const auto byte = static_cast<char>(file.get() ^ 1);
      file.seekp(at);
      file.put(byte);
    };
    flip();
    const std::vector<Finding> found = Found();
    ASSERT_EQ(found.size(), 1U) << at;
    EXPECT_EQ(found[0].where, log_.filename().string());
    flip();
  }
  EXPECT_TRUE(Found().empty());
}

TEST_F(WriteLogTest, ATornEndIsANote) {
  fs::resize_file(log_, fs::file_size(log_) - 5);
  const std::vector<Finding> found = Found();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_FALSE(found[0].damage);
}

TEST_F(WriteLogTest, ADirectoryThatIsNotThereIsAnError) {
  EXPECT_FALSE(CheckWriteLogs(path_ + "/absent").has_value());
}

}  // namespace
}  // namespace tocsin::storage
