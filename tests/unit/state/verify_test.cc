#include "storage/state/verify.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "storage/state/state_db.h"
#include "storage/volume/volume.h"
#include "tests/unit/temporary_directory.h"

namespace tocsin::storage {
namespace {

namespace fs = std::filesystem;

class VerifyStateTest : public ::testing::Test {
 protected:
  VerifyStateTest() {
    auto db = StateDb::Open(path_, Telemetry::None());
    EXPECT_TRUE(db.has_value());
    EXPECT_TRUE((*db)->Put("rules", "one", "a value").ok());
    EXPECT_TRUE((*db)->Put("rules", "two", "another").ok());
  }

  const TemporaryDirectory home_;
  const std::string path_ = home_ / "data";
};

TEST_F(VerifyStateTest, WhatIsSoundHasNoFindings) {
  const auto found = DiagnoseState(path_);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->values, 2U);
  EXPECT_TRUE(found->findings.empty());
}

TEST_F(VerifyStateTest, NothingThereIsNoFinding) {
  const auto found = DiagnoseState(path_ + "/absent");
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->values, 0U);
  EXPECT_TRUE(found->findings.empty());
}

TEST_F(VerifyStateTest, ADamagedValueIsNamed) {
  {
    auto volume = Volume::Open(path_, {}, Telemetry::None());
    ASSERT_TRUE(volume.has_value());
    ASSERT_TRUE((*volume)->Put(std::string("rules\0two", 9), "no frame", true).ok());
  }
  const auto found = DiagnoseState(path_);
  ASSERT_TRUE(found.has_value());
  ASSERT_EQ(found->findings.size(), 1U);
  EXPECT_TRUE(found->findings[0].damage);
  EXPECT_EQ(found->findings[0].where, "state/rules/two");
}

TEST_F(VerifyStateTest, NothingIsChanged) {
  const auto files = [&] {
    std::map<std::string, uintmax_t> sizes;
    for (const auto& entry : fs::directory_iterator(path_)) {
      sizes[entry.path().filename()] = entry.file_size();
    }
    return sizes;
  };
  const auto before = files();
  ASSERT_TRUE(DiagnoseState(path_).has_value());
  EXPECT_EQ(files(), before);
}

TEST_F(VerifyStateTest, AVolumeThatDoesNotOpenIsDamage) {
  std::ofstream(path_ + "/CURRENT", std::ios::trunc) << "nonsense";
  const auto found = DiagnoseState(path_);
  ASSERT_TRUE(found.has_value());
  ASSERT_EQ(found->findings.size(), 1U);
  EXPECT_TRUE(found->findings[0].damage);
}

}  // namespace
}  // namespace tocsin::storage
