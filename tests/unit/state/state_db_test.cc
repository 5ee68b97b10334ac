// What was saved is there after the next start, of each owner apart, all of a change or none.

#include "storage/state/state_db.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/unit/temporary_directory.h"

namespace tocsin::storage {
namespace {

namespace fs = std::filesystem;

class StateDbTest : public ::testing::Test {
 protected:
  StateDbTest() { Open(); }
  ~StateDbTest() override { db_.reset(); }

  void Open() {
    db_.reset();
    auto opened = StateDb::Open(path_, Telemetry::None());
    ASSERT_TRUE(opened.has_value()) << opened.error().ToString();
    db_ = *std::move(opened);
  }

  const TemporaryDirectory home_;
  std::string path_ = home_ / "data";
  std::unique_ptr<StateDb> db_;
};

TEST_F(StateDbTest, AValueSurvivesARestart) {
  ASSERT_TRUE(db_->Put("generator", "checkpoint", std::string("a\0b", 3)).ok());
  Open();
  EXPECT_EQ(db_->Get("generator", "checkpoint"), std::string("a\0b", 3));
  EXPECT_EQ(db_->Get("generator", "absent").value(), std::nullopt);
}

TEST_F(StateDbTest, SectionsAreApart) {
  ASSERT_TRUE(db_->Put("a", "k", "1").ok());
  ASSERT_TRUE(db_->Put("ab", "k", "2").ok());
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(db_->Load("a"), (Pairs{{"k", "1"}}));
  EXPECT_EQ(db_->Load("ab"), (Pairs{{"k", "2"}}));
}

TEST_F(StateDbTest, OneSaveSetsAndErases) {
  const auto store = db_->Section("rules");
  const StateChange first[] = {{"a", "1"}, {"b", "2"}, {"c", "3"}};
  ASSERT_TRUE(store->Save(first).ok());
  const StateChange second[] = {{"a", std::nullopt}, {"b", "22"}, {"never", std::nullopt}};
  ASSERT_TRUE(store->Save(second).ok());
  Open();
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(db_->Section("rules")->Load(), (Pairs{{"b", "22"}, {"c", "3"}}));
}

TEST_F(StateDbTest, ADamagedValueIsNamedAndTakesNoOtherWithIt) {
  ASSERT_TRUE(db_->Put("rules", "x", "some value that is long enough to be found").ok());
  ASSERT_TRUE(db_->Put("rules", "y", "whole").ok());
  db_.reset();
  auto volume = Volume::Open(path_, {}, Telemetry::None());
  ASSERT_TRUE(volume.has_value());
  std::string frame = (*volume)->Get(std::string("rules\0x", 7)).value();
  frame.back() = static_cast<char>(frame.back() ^ 1);
  ASSERT_TRUE((*volume)->Put(std::string("rules\0x", 7), frame, false).ok());
  volume->reset();
  Open();
  const Status status = db_->Get("rules", "x").error();
  EXPECT_EQ(status.code(), StatusCode::kCorruption);
  EXPECT_NE(status.message().find("state rules/x"), std::string_view::npos) << status.message();
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(db_->Load("rules"), (Pairs{{"y", "whole"}}));
}

}  // namespace
}  // namespace tocsin::storage
