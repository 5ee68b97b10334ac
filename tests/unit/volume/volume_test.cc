#include "storage/volume/volume.h"

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "tests/unit/temporary_directory.h"

namespace tocsin::storage {
namespace {

namespace fs = std::filesystem;

class VolumeTest : public ::testing::Test {
 public:
  Result<std::unique_ptr<Volume>> Open(const Volume::Options& options = {}) {
    return Volume::Open(path_, options, Telemetry::None());
  }

  // The bytes of every file of the directory.
  std::map<std::string, std::string> Files() const {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::directory_iterator(path_)) {
      std::ifstream in(entry.path(), std::ios::binary);
      files[entry.path().filename()] = {std::istreambuf_iterator<char>(in), {}};
    }
    return files;
  }

  const TemporaryDirectory home_;
  const std::string path_ = home_ / "data";
};

// While it lives, no file of this process grows beyond `bytes`: what a full disk looks like.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(VolumeTest, GivesBackWhatWasPutAlsoAfterItWasOpenedAgain) {
  auto volume = Open();
  ASSERT_TRUE(volume.has_value()) << volume.error().ToString();
  const std::string binary("\0\xff\n", 3);
  ASSERT_TRUE((*volume)->Put(binary, std::string(200'000, 'v'), true).ok());
  ASSERT_TRUE((*volume)->Put("empty", "", false).ok());
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ((*volume)->Get(binary).value(), std::string(200'000, 'v'));
    EXPECT_EQ((*volume)->Get("empty").value(), "");
    EXPECT_EQ((*volume)->Get("absent").error().code(), StatusCode::kNotFound);
    volume->reset();
    volume = Open({.create = false});
    ASSERT_TRUE(volume.has_value());
  }
}

TEST_F(VolumeTest, WritesABatchAndScansAPrefixInOrder) {
  auto volume = Open().value();
  const std::vector<Volume::Entry> entries = {{"b2", "2"}, {"a1", "x"}, {"b1", "1"}, {"c", "y"}};
  ASSERT_TRUE(volume->Write(entries, true).ok());
  std::string seen;
  const auto visit = [&](std::string_view key, std::string_view value) {
    seen += std::string(key) + "=" + std::string(value) + " ";
    return true;
  };
  ASSERT_TRUE(volume->Scan("b", visit).ok());
  EXPECT_EQ(seen, "b1=1 b2=2 ");
  seen.clear();
  ASSERT_TRUE(volume
                  ->Scan("",
                         [&](std::string_view key, std::string_view) {
                           seen += key;
                           return key != "b1";
                         })
                  .ok());
  EXPECT_EQ(seen, "a1b1");
  EXPECT_EQ(volume->Seek("b")->key, "b1");
  EXPECT_EQ(volume->Seek("b11")->value, "2");
  EXPECT_EQ(volume->Seek("d").error().code(), StatusCode::kNotFound);
}

TEST_F(VolumeTest, DeletedKeysAreGone) {
  auto volume = Open().value();
  ASSERT_TRUE(volume->Put("a", "1", false).ok());
  ASSERT_TRUE(volume->Put("b", "2", false).ok());
  const std::vector<std::string> keys = {"a", "never there"};
  ASSERT_TRUE(volume->Delete(keys, true).ok());
  EXPECT_FALSE(volume->Get("a").has_value());
  EXPECT_EQ(volume->Get("b").value(), "2");
}

TEST_F(VolumeTest, SaysWhyItDoesNotOpen) {
  EXPECT_EQ(Open({.create = false}).error().code(), StatusCode::kNotFound);
  EXPECT_EQ(Open({.read_only = true}).error().code(), StatusCode::kNotFound);
  EXPECT_FALSE(fs::exists(path_));
  auto volume = Open().value();
  EXPECT_EQ(Open().error().code(), StatusCode::kAlreadyExists);
  volume.reset();
  std::ofstream(path_ + "/CURRENT") << "MANIFEST-999999\n";
  EXPECT_EQ(Open().error().code(), StatusCode::kCorruption);
}

TEST_F(VolumeTest, AFileInPlaceOfTheDirectoryIsUnavailable) {
  std::ofstream(path_) << "a file";
  EXPECT_EQ(Open().error().code(), StatusCode::kUnavailable);
}

TEST_F(VolumeTest, AMissingTableIsCorruption) {
  {
    auto volume = Open().value();
    ASSERT_TRUE(volume->Put("a", "1", true).ok());
    ASSERT_TRUE(volume->CompactAll().ok());
  }
  for (const auto& [name, bytes] : Files()) {
    if (name.ends_with(".ldb")) fs::remove(path_ + "/" + name);
  }
  EXPECT_EQ(Open().error().code(), StatusCode::kCorruption);
}

TEST_F(VolumeTest, CompactingGivesTheSpaceOfDeletedKeysBack) {
  auto volume = Open({.write_buffer = 64 << 10}).value();
  std::vector<std::string> keys;
  for (int i = 0; i < 200; ++i) {
    keys.push_back("key" + std::to_string(i));
    ASSERT_TRUE(volume->Put(keys.back(), std::string(10'000, static_cast<char>(i)), false).ok());
  }
  EXPECT_GE(volume->DiskBytes(), 2'000'000U);
  ASSERT_TRUE(volume->CompactAll().ok());
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(volume->Get(keys[static_cast<size_t>(i)]).value(),
              std::string(10'000, static_cast<char>(i)));
  }
  ASSERT_TRUE(volume->Delete(keys, false).ok());
  ASSERT_TRUE(volume->CompactAll().ok());
  EXPECT_LT(volume->DiskBytes(), 200'000U);
}

TEST_F(VolumeTest, AReadOnlyVolumeReadsEverythingAndChangesNoByte) {
  {
    auto volume = Open({.write_buffer = 64 << 10}).value();
    for (int i = 0; i < 100; ++i) {
      ASSERT_TRUE(volume->Put("key" + std::to_string(i), std::string(5'000, 'v'), false).ok());
    }
  }
  const auto before = Files();
  {
    auto volume = Open({.write_buffer = 64 << 10, .read_only = true}).value();
    auto another = Open({.write_buffer = 64 << 10, .read_only = true}).value();
    EXPECT_TRUE(volume->read_only());
    for (int i = 0; i < 100; ++i) {
      EXPECT_EQ(volume->Get("key" + std::to_string(i)).value(), std::string(5'000, 'v'));
      EXPECT_EQ(another->Get("key" + std::to_string(i)).value(), std::string(5'000, 'v'));
    }
    EXPECT_EQ(volume->Put("a", "b", false).code(), StatusCode::kFailedPrecondition);
    EXPECT_EQ(volume->CompactAll().code(), StatusCode::kFailedPrecondition);
    EXPECT_TRUE(volume->Reopen().ok());
    EXPECT_TRUE(volume->Get("key7").has_value());
  }
  EXPECT_EQ(Files(), before);
}

TEST_F(VolumeTest, AClosedVolumeRefusesEverything) {
  auto volume = Open().value();
  volume->Close();
  EXPECT_EQ(volume->Put("a", "b", false).code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(volume->Get("a").error().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(volume->Seek("a").error().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(volume->CompactAll().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(volume->Reopen().code(), StatusCode::kFailedPrecondition);
  volume->Close();
  EXPECT_TRUE(Open().has_value());
}

TEST_F(VolumeTest, AFullDiskIsUnavailableReadsGoOnAndRoomHealsIt) {
  auto volume = Open().value();
  ASSERT_TRUE(volume->Put("before", "1", true).ok());
  {
    const FullDisk full(100);
    EXPECT_EQ(volume->Put("refused", std::string(300'000, 'x'), true).code(),
              StatusCode::kUnavailable);
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(volume->Put("refused", "y", true).code(), StatusCode::kUnavailable);
      EXPECT_EQ(volume->Get("before").value(), "1");
      EXPECT_EQ(volume->Reopen().code(), StatusCode::kUnavailable);
      EXPECT_EQ(volume->CompactAll().code(), StatusCode::kUnavailable);
    }
  }
  EXPECT_TRUE(volume->Put("after", "2", true).ok());
  EXPECT_EQ(volume->Get("before").value(), "1");
  EXPECT_EQ(volume->Get("after").value(), "2");
  volume.reset();
  volume = Open().value();
  EXPECT_EQ(volume->Get("before").value(), "1");
  EXPECT_EQ(volume->Get("after").value(), "2");
}

TEST_F(VolumeTest, NothingAcknowledgedIsLostWhereverTheDiskFillsUp) {
  // The limit lies in the log, in the middle of a record, in a table that is flushed: everywhere.
  for (rlim_t limit = 1'000; limit < 200'000; limit = limit * 5 / 4) {
    fs::remove_all(path_);
    auto volume = Open({.write_buffer = 64 << 10}).value();
    std::vector<std::string> acknowledged;
    const auto put = [&](const std::string& key) {
      const bool ok = volume->Put(key, key + std::string(3'000, 'v'), false).ok();
      if (ok) acknowledged.push_back(key);
      return ok;
    };
    {
      const FullDisk full(limit);
      for (int i = 0; i < 100; ++i) put("during" + std::to_string(i));
    }
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(put("after" + std::to_string(i))) << limit;
    volume.reset();
    volume = Open().value();
    for (const std::string& key : acknowledged) {
      ASSERT_EQ(volume->Get(key).value_or("lost"), key + std::string(3'000, 'v')) << limit;
    }
  }
}

TEST_F(VolumeTest, OpensForReadingOnAFullDisk) {
  Open().value()->Put("a", "1", true).ok();
  const FullDisk full(10);
  EXPECT_EQ(Open().error().code(), StatusCode::kUnavailable);
  EXPECT_EQ(Open({.read_only = true}).value()->Get("a").value(), "1");
}

TEST_F(VolumeTest, ASnapshotHasEveryWriteThatHadReturned) {
  auto volume = Open({.write_buffer = 64 << 10, .table_bytes = 64 << 10}).value();
  std::atomic<bool> stop = false;
  std::atomic<int> written = 0;
  std::thread writer([&] {
    // Flushes and compactions come and go meanwhile.
    for (int i = 0; !stop; ++i) {
      EXPECT_TRUE(volume->Put("k" + std::to_string(i), std::string(2'000, 'x'), false).ok());
      written = i + 1;
    }
  });
  std::vector<int> had;
  for (int s = 0; s < 5; ++s) {
    while (written < (s + 1) * 100) std::this_thread::yield();
    had.push_back(written);
    EXPECT_TRUE(volume->Snapshot(path_ + "_copy" + std::to_string(s)).ok());
  }
  stop = true;
  writer.join();
  EXPECT_EQ(volume->Snapshot(path_ + "_copy0").code(), StatusCode::kAlreadyExists);
  volume.reset();
  const auto before = Files();
  for (int s = 0; s < 5; ++s) {
    const std::string path = path_ + "_copy" + std::to_string(s);
    auto copy = Volume::Open(path, {.create = false}, Telemetry::None());
    ASSERT_TRUE(copy.has_value()) << copy.error().ToString();
    for (int i = 0; i < had[static_cast<size_t>(s)]; ++i) {
      EXPECT_TRUE((*copy)->Get("k" + std::to_string(i)).has_value()) << i;
    }
    // It is a volume of its own: what becomes of it leaves the first one as it was.
    EXPECT_TRUE((*copy)->Put("more", std::string(200'000, 'y'), true).ok());
    EXPECT_TRUE((*copy)->CompactAll().ok());
    copy->reset();
    fs::remove_all(path);
  }
  EXPECT_EQ(Files(), before);
}

TEST_F(VolumeTest, ReadersAndWritersWorkSideBySideWhileItIsReopened) {
  auto volume = Open({.write_buffer = 64 << 10}).value();
  ASSERT_TRUE(volume->Put("always", "there", false).ok());
  std::atomic<bool> stop = false;
  std::atomic<int> failures = 0;
  std::vector<std::thread> threads;
  threads.reserve(2);
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; !stop; ++i) {
        const std::string key = std::to_string(t) + "/" + std::to_string(i % 500);
        if (!volume->Put(key, std::string(1'000, 'x'), false).ok()) ++failures;
        if (volume->Get("always").value_or("") != "there") ++failures;
        if (!volume->Get(key).has_value()) ++failures;
      }
    });
  }
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(volume->Reopen().ok());
    EXPECT_TRUE(volume->Scan("0/", [](std::string_view, std::string_view) { return true; }).ok());
  }
  EXPECT_TRUE(volume->CompactAll().ok());
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
}

}  // namespace
}  // namespace tocsin::storage
