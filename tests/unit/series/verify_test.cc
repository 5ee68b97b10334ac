#include "storage/series/verify.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "storage/series/series_store.h"
#include "tests/unit/series/testing.h"

namespace tocsin::storage {
namespace {

namespace fs = std::filesystem;

constexpr Millis kStart = 1'800'000'000'000 / kBlockMillis * kBlockMillis;

// A store with a block, a snapshot, and samples in the log behind it.
class VerifySeriesTest : public testing::Test {
 protected:
  VerifySeriesTest() {
    VirtualClock clock(kStart * kMillisecond);
    SeriesStoreOptions options;
    options.directory = directory_.path();
    options.clock = &clock;
    auto store = SeriesStore::Open(options);
    EXPECT_TRUE(store.has_value());
    const SeriesRef id = (*store)->Ref(Labels{{"__name__", "up"}});
    for (int i = 0; i < 1000; ++i) {
      const Millis t = kStart + i * 15'000;  // A little over four hours.
      clock.Set(t * kMillisecond);
      const RefSample sample{id, {t, static_cast<double>(i)}};
      EXPECT_TRUE((*store)->Put({.samples = {&sample, 1}}).ok());
      if (i == 900) {
        EXPECT_TRUE((*store)->Flush().ok());
      }
    }
    EXPECT_TRUE((*store)->Sync().ok());
  }

  SeriesDiagnosis Diagnosed() {
    auto found = DiagnoseSeries(directory_.path());
    EXPECT_TRUE(found.has_value());
    return found.has_value() ? *std::move(found) : SeriesDiagnosis();
  }

  // The largest file whose path contains `part`.
  fs::path Largest(const std::string& part) {
    fs::path largest;
    uintmax_t size = 0;
    for (const auto& entry : fs::recursive_directory_iterator(directory_.path())) {
      if (!entry.is_regular_file() || entry.path().string().find(part) == std::string::npos) {
        continue;
      }
      if (entry.file_size() < size) continue;
      largest = entry.path();
      size = entry.file_size();
    }
    EXPECT_GT(size, 0U) << part;
    return largest;
  }

  static std::string Bytes(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  // Turns a bit in the middle of it.
  void Damage(const std::string& part) {
    const fs::path largest = Largest(part);
    const uintmax_t size = fs::file_size(largest);
    std::fstream file(largest, std::ios::binary | std::ios::in | std::ios::out);
    file.seekg(static_cast<std::streamoff>(size / 2));
    const auto byte = static_cast<char>(file.get() ^ 1);
    file.seekp(static_cast<std::streamoff>(size / 2));
    file.put(byte);
  }

  TemporaryDirectory directory_;
};

TEST_F(VerifySeriesTest, WhatIsSoundHasNoFindings) {
  const SeriesDiagnosis found = Diagnosed();
  EXPECT_TRUE(found.findings.empty()) << found.findings[0].where << ": " << found.findings[0].what;
  EXPECT_EQ(found.volumes, 1U);
  EXPECT_GE(found.blocks, 1U);
  EXPECT_GE(found.block_samples, 480U);
  EXPECT_GE(found.log_segments, 1U);
  EXPECT_GE(found.log_samples, 99U);
  EXPECT_EQ(found.snapshot_series, 1U);
}

TEST_F(VerifySeriesTest, AnEmptyDirectoryHasNoFindings) {
  const auto found = DiagnoseSeries(directory_.path() + "/absent");
  ASSERT_TRUE(found.has_value());
  EXPECT_TRUE(found->findings.empty());
  EXPECT_EQ(found->blocks, 0U);
}

TEST_F(VerifySeriesTest, DamageIsFoundWhereverItIs) {
  for (const std::string part : {"head.snapshot", "/blocks/", "/log/"}) {
    Damage(part);
    const SeriesDiagnosis found = Diagnosed();
    ASSERT_FALSE(found.findings.empty()) << part;
    EXPECT_TRUE(std::ranges::any_of(found.findings, &Finding::damage)) << part;
    Damage(part);  // Turned back.
    EXPECT_TRUE(Diagnosed().findings.empty());
  }
}

TEST_F(VerifySeriesTest, ALogOfGarbageIsDamage) {
  const fs::path log = Largest("/log/");
  const std::string header = Bytes(log).substr(0, 16);
  for (const std::string& begin : {header, std::string()}) {
    std::mt19937_64 random(1);
    std::string garbage = begin;
    while (garbage.size() < 5'000) garbage.push_back(static_cast<char>(random()));
    std::ofstream(log, std::ios::binary | std::ios::trunc) << garbage;
    const SeriesDiagnosis found = Diagnosed();
    ASSERT_EQ(found.findings.size(), 1U);
    EXPECT_TRUE(found.findings[0].damage);
    EXPECT_EQ(found.findings[0].where.find("series/log/"), 0U);
  }
}

TEST_F(VerifySeriesTest, ATornEndOfTheLastSegmentIsNoDamage) {
  const fs::path log = Largest("/log/");
  for (const uintmax_t zeros : {0U, 4096U}) {
    fs::resize_file(log, fs::file_size(log) - 5);
    fs::resize_file(log, fs::file_size(log) + zeros);
    const SeriesDiagnosis found = Diagnosed();
    ASSERT_EQ(found.findings.size(), 1U);
    EXPECT_FALSE(found.findings[0].damage);
    EXPECT_EQ(found.findings[0].where.find("series/log/"), 0U);
  }
}

}  // namespace
}  // namespace tocsin::storage
