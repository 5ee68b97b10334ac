#include "storage/volume/write_log.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

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
    std::ifstream in(log_, std::ios::binary);
    bytes_.assign(std::istreambuf_iterator<char>(in), {});
    EXPECT_GT(bytes_.size(), 100'000U);
  }

  void Put(const std::string& bytes) const {
    std::ofstream(log_, std::ios::binary | std::ios::trunc) << bytes;
  }

  std::string Flipped(size_t bit) const {
    std::string bytes = bytes_;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    return bytes;
  }

  static std::string Random(size_t size, uint64_t seed) {
    std::mt19937_64 random(seed);
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    return bytes;
  }

  std::vector<Finding> Found() const {
    auto found = CheckWriteLogs(path_);
    EXPECT_TRUE(found.has_value());
    return found.value_or(std::vector<Finding>());
  }

  // Whether a log of these bytes has one finding, damage.
  bool IsDamage(const std::string& bytes) const {
    Put(bytes);
    const std::vector<Finding> found = Found();
    return found.size() == 1 && found[0].damage && found[0].where == log_.filename().string();
  }

  const TemporaryDirectory home_;
  const std::string path_ = home_ / "data";
  fs::path log_;
  std::string bytes_;
};

TEST_F(WriteLogTest, ASoundLogHasNoFindings) { EXPECT_TRUE(Found().empty()); }

TEST_F(WriteLogTest, ADamagedByteIsFoundWhereverItIs) {
  for (size_t at = 3; at < bytes_.size(); at += 4099) EXPECT_TRUE(IsDamage(Flipped(at * 8))) << at;
  Put(bytes_);
  EXPECT_TRUE(Found().empty());
}

TEST_F(WriteLogTest, ADamagedBitOfTheLastRecordIsNoTornEnd) {
  // Its header is among these bytes: with a length that is too large the log would end within it.
  const size_t last = bytes_.size() - 3'070;
  for (size_t bit = (last - 40) * 8; bit < last * 8; ++bit) {
    EXPECT_TRUE(IsDamage(Flipped(bit))) << bit;
  }
}

TEST_F(WriteLogTest, WhereverALogIsCutIsNoDamage) {
  for (size_t size = 0; size < bytes_.size(); size += size % 32'768 < 40 ? 1U : 67U) {
    Put(bytes_.substr(0, size));
    const std::vector<Finding> found = Found();
    ASSERT_TRUE(found.empty() || !found[0].damage) << size << ": " << found[0].what;
  }
  Put(bytes_.substr(0, bytes_.size() - 5));
  EXPECT_EQ(Found().size(), 1U);
  Put(bytes_.substr(0, 32'768));  // Its last record goes on in the next block.
  EXPECT_EQ(Found().size(), 1U);
}

TEST_F(WriteLogTest, GarbageIsDamage) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const size_t size = 100 + seed * 397;
    EXPECT_TRUE(IsDamage(Random(size, seed))) << seed;
    EXPECT_TRUE(IsDamage(bytes_ + Random(size, seed))) << seed;
  }
  EXPECT_TRUE(IsDamage(std::string(12'635, '\0')));
}

TEST_F(WriteLogTest, ALogThatBeginsInTheMiddleOfARecordIsDamage) {
  EXPECT_TRUE(IsDamage(bytes_.substr(32'768)));
}

TEST_F(WriteLogTest, ADirectoryThatIsNotThereIsAnError) {
  EXPECT_FALSE(CheckWriteLogs(path_ + "/absent").has_value());
}

}  // namespace
}  // namespace tocsin::storage
