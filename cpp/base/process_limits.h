/// What the system lets this process use: memory and processors, by its cgroup (versions 1 and 2,
/// in a container or outside of one) and by the machine. Read once, at the start.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace tocsin {

struct MemoryLimit {
  uint64_t bytes = 0;  ///< Never 0.
  /// The file of the cgroup that says so, or "machine".
  std::string source;
};

/// The least of what the cgroups of this process allow, from its own up to the outermost one that
/// can be seen, and of the machine's memory. memory.high counts like memory.max: beyond it the
/// process would be slowed down until nothing moves. What is absent, unlimited or not understood
/// does not count.
///
/// `root` stands before every path that is read ("/proc/self/mountinfo"); tests have a tree there.
MemoryLimit FindMemoryLimit(const std::string& root = {});

/// How many threads can run at a time: the processors that the process may be scheduled on, but no
/// more than the quotas of its cgroups pay for, rounded up. At least 1.
size_t FindProcessors(const std::string& root = {});

}  // namespace tocsin
