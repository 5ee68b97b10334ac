#include "storage/spans/directory_lock.h"

#include <fstream>

#include "tests/unit/spans/test_support.h"

namespace tocsin::storage {
namespace {

TEST(DirectoryLockTest, TheSecondIsRefusedWithTheProcessNamed) {
  const TemporaryDirectory directory;
  const auto first = DirectoryLock::Acquire(directory / "data");
  ASSERT_TRUE(first.has_value()) << first.error().ToString();
  const auto second = DirectoryLock::Acquire(directory / "data");
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(second.error().message(), "the data directory " + (directory / "data") +
                                          " is in use by process " + std::to_string(::getpid()));
}

TEST(DirectoryLockTest, TheAddressIsNamedWhereItIsKnown) {
  const TemporaryDirectory directory;
  const auto first = DirectoryLock::Acquire(directory.path());
  std::ofstream(directory / "server.json")
      << R"({"pid":1,"addresses":{"http":"127.0.0.1:3200","otlp_grpc":""}})";
  const auto second = DirectoryLock::Acquire(directory.path());
  ASSERT_FALSE(second.has_value());
  EXPECT_TRUE(second.error().message().ends_with("which listens on 127.0.0.1:3200"))
      << second.error().message();
}

TEST(DirectoryLockTest, NonsenseInTheFilesIsNoError) {
  const TemporaryDirectory directory;
  const auto first = DirectoryLock::Acquire(directory.path());
  std::ofstream(directory / "LOCK") << "who knows";
  for (const char* text : {"", "{", "[]", R"({"addresses":[]})", R"({"addresses":{"http":7}})"}) {
    std::ofstream(directory / "server.json") << text;
    const auto second = DirectoryLock::Acquire(directory.path());
    ASSERT_FALSE(second.has_value());
    EXPECT_TRUE(second.error().message().ends_with("is in use")) << second.error().message();
  }
}

TEST(DirectoryLockTest, IsFreeAgainAfterItsHolder) {
  const TemporaryDirectory directory;
  {
    const auto first = DirectoryLock::Acquire(directory.path());
  }
  EXPECT_TRUE(DirectoryLock::Acquire(directory.path()).has_value());
}

}  // namespace
}  // namespace tocsin::storage
