#include "cpp/base/process_limits.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <thread>

#include <gtest/gtest.h>

#include "tests/unit/temporary_directory.h"
namespace tocsin {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr const char* kMountV2 =
    "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";

// A machine of 8 GiB below a directory of its own.
class ProcessLimitsTest : public testing::Test {
 protected:
  void SetUp() override { Write("/proc/meminfo", "MemTotal:        8388608 kB\nMemFree: 1 kB\n"); }

  void Write(std::string_view path, std::string_view text) const {
    root_.Write(path.substr(1), text);
  }
  void WriteV2(const std::string& path) const {
    Write("/proc/self/mountinfo", kMountV2);
    Write("/proc/self/cgroup", "0::" + path + "\n");
  }
  MemoryLimit Memory() const { return FindMemoryLimit(root_.path()); }
  size_t Processors() const { return FindProcessors(root_.path()); }

  const TemporaryDirectory root_;
};

TEST_F(ProcessLimitsTest, WithoutCgroupsTheMachineIsTheLimit) {
  EXPECT_EQ(Memory().bytes, 8192 * kMiB);
  EXPECT_EQ(Memory().source, "machine");
}

TEST_F(ProcessLimitsTest, WithoutAnythingTheSystemIsAsked) {
  std::filesystem::remove_all(root_.path());
  EXPECT_GT(Memory().bytes, 0U);
  EXPECT_EQ(Memory().source, "machine");
  EXPECT_GE(Processors(), 1U);
}

TEST_F(ProcessLimitsTest, TheLimitOfAContainerIsAtTheTopOfItsNamespace) {
  WriteV2("/");
  Write("/sys/fs/cgroup/memory.max", "268435456\n");
  EXPECT_EQ(Memory().bytes, 256 * kMiB);
  EXPECT_EQ(Memory().source, "/sys/fs/cgroup/memory.max");
}

TEST_F(ProcessLimitsTest, TheLeastLimitOnTheWayUpHolds) {
  WriteV2("/kubepods/pod1/container");
  Write("/sys/fs/cgroup/kubepods/pod1/container/memory.max", "max\n");
  Write("/sys/fs/cgroup/kubepods/pod1/memory.max", "1073741824\n");
  Write("/sys/fs/cgroup/kubepods/memory.max", "4294967296\n");
  EXPECT_EQ(Memory().bytes, 1024 * kMiB);
  EXPECT_EQ(Memory().source, "/sys/fs/cgroup/kubepods/pod1/memory.max");
}

TEST_F(ProcessLimitsTest, WhereThrottlingBeginsIsALimitToo) {
  WriteV2("/a");
  Write("/sys/fs/cgroup/a/memory.max", "536870912\n");
  Write("/sys/fs/cgroup/a/memory.high", "402653184\n");
  EXPECT_EQ(Memory().bytes, 384 * kMiB);
  EXPECT_EQ(Memory().source, "/sys/fs/cgroup/a/memory.high");
}

TEST_F(ProcessLimitsTest, MoreThanTheMachineHasIsNoLimit) {
  WriteV2("/a");
  Write("/sys/fs/cgroup/a/memory.max", "1099511627776\n");
  EXPECT_EQ(Memory().source, "machine");
}

TEST_F(ProcessLimitsTest, VersionOneIsUnderstood) {
  Write("/proc/self/mountinfo",
        "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
        "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
        "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n");
  Write("/proc/self/cgroup", "4:memory:/a/b\n1:cpu,cpuacct:/a\n0::/\n");
  Write("/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "9223372036854771712\n");
  Write("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "314572800\n");
  EXPECT_EQ(Memory().bytes, 300 * kMiB);
  EXPECT_EQ(Memory().source, "/sys/fs/cgroup/memory/a/memory.limit_in_bytes");

  Write("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "50000\n");
  Write("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(Processors(), 1U);
}

TEST_F(ProcessLimitsTest, AMountOfTheContainersOwnDirectoryIsUnderstood) {
  Write("/proc/self/mountinfo",
        "35 31 0:32 /docker/c1 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n");
  Write("/proc/self/cgroup", "4:memory:/docker/c1/inner\n");
  Write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "629145600\n");
  Write("/sys/fs/cgroup/memory/inner/memory.limit_in_bytes", "524288000\n");
  EXPECT_EQ(Memory().bytes, 500 * kMiB);
  // The same words of a process of another container.
  Write("/proc/self/cgroup", "4:memory:/docker/c1x/inner\n");
  EXPECT_EQ(Memory().bytes, 600 * kMiB);
}

TEST_F(ProcessLimitsTest, APlaceOutsideOfTheNamespaceIsTakenForItsTop) {
  WriteV2("/../../system.slice");
  Write("/sys/fs/cgroup/memory.max", "268435456\n");
  EXPECT_EQ(Memory().bytes, 256 * kMiB);
}

TEST_F(ProcessLimitsTest, MountPointsMayHaveSpaces) {
  Write("/proc/self/mountinfo", "1 0 0:1 / /my\\040groups rw - cgroup2 cgroup2 rw\n");
  Write("/proc/self/cgroup", "0::/\n");
  Write("/my groups/memory.max", "104857600\n");
  EXPECT_EQ(Memory().bytes, 100 * kMiB);
}

TEST_F(ProcessLimitsTest, WhatIsNotUnderstoodDoesNotCount) {
  for (const char* text :
       {"", "\n", "0\n", "-1\n", "12x\n", "99999999999999999999999\n", "max\n"}) {
    WriteV2("/");
    Write("/sys/fs/cgroup/memory.max", text);
    EXPECT_EQ(Memory().source, "machine") << text;
  }
  for (const char* mounts : {"", "- - -\n", "1 2 3 4 5 6 -\n", "1 2 3 / /x rw - cgroup2\n"}) {
    Write("/proc/self/mountinfo", mounts);
    EXPECT_EQ(Memory().source, "machine") << mounts;
  }
  Write("/proc/self/mountinfo", kMountV2);
  for (const char* groups : {"", "0\n", "0:\n", ":::\n", "x:y:z\n"}) {
    Write("/proc/self/cgroup", groups);
    EXPECT_EQ(Memory().source, "machine") << groups;
  }
  Write("/proc/meminfo", "MemTotal: lots kB\n");
  EXPECT_GT(Memory().bytes, 0U);
}

TEST_F(ProcessLimitsTest, AHostilePathEnds) {
  std::string path;
  for (int i = 0; i < 10'000; ++i) path += "/a";
  WriteV2(path);
  EXPECT_EQ(Memory().source, "machine");
}

TEST_F(ProcessLimitsTest, AQuotaIsRoundedUpToProcessors) {
  const size_t all = std::max(1U, std::thread::hardware_concurrency());
  WriteV2("/a/b");
  EXPECT_EQ(Processors(), all);
  Write("/sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
  EXPECT_EQ(Processors(), all);
  Write("/sys/fs/cgroup/a/cpu.max", "50000 100000\n");
  EXPECT_EQ(Processors(), 1U);
  Write("/sys/fs/cgroup/a/cpu.max", "150000 100000\n");
  EXPECT_EQ(Processors(), std::min<size_t>(all, 2));
  Write("/sys/fs/cgroup/a/cpu.max", "100000 0\n");
  EXPECT_EQ(Processors(), all);
}

}  // namespace
}  // namespace tocsin
