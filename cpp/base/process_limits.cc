#include "cpp/base/process_limits.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <functional>
#include <optional>
#include <sstream>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include <unistd.h>

namespace tocsin {
namespace {

// Of a file that is read; a machine with a thousand containers has long lists of mounts.
constexpr size_t kMaxFileBytes = size_t{4} << 20;
// Cgroups above each other; the kernel allows more, nobody has them.
constexpr int kMaxDepth = 64;
constexpr std::string_view kMachine = "machine";
constexpr uint64_t kMemoryIfUnknown = uint64_t{1} << 30;

std::optional<std::string> Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::string text(kMaxFileBytes, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  return text;
}

std::vector<std::string> Words(const std::string& text) {
  std::istringstream words(text);
  std::vector<std::string> found;
  for (std::string word; words >> word;) found.push_back(word);
  return found;
}

std::vector<std::string> Lines(const std::string& text) {
  std::istringstream lines(text);
  std::vector<std::string> found;
  for (std::string line; std::getline(lines, line);) found.push_back(line);
  return found;
}

// The whole word as a number above 0; "max" and "-1" are none.
std::optional<uint64_t> Positive(std::string_view word) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size() || value == 0) return std::nullopt;
  return value;
}

std::optional<uint64_t> FirstNumber(const std::string& path) {
  const std::optional<std::string> text = Contents(path);
  if (!text) return std::nullopt;
  const std::vector<std::string> words = Words(*text);
  return words.empty() ? std::nullopt : Positive(words.front());
}

bool ListContains(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    if (list.substr(0, comma) == word) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

// Spaces and their like stand in lists of mounts as a backslash and three octal digits.
std::string Unescaped(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned code = 0;
    if (text[i] == '\\' && i + 3 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 4, code, 8).ptr ==
            text.data() + i + 4) {
      plain += static_cast<char>(code);
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

// Where the cgroups of this process are found in the file system.
struct Hierarchy {
  std::string top;   // The outermost one that can be seen: where it is mounted.
  std::string path;  // Of the process, below `top`: "" or "/a/b".
};

// The process's path in the hierarchy that `wanted` names (a line of /proc/self/cgroup is
// "ID:CONTROLLERS:PATH").
std::optional<std::string> GroupPath(const std::string& groups,
                                     const std::function<bool(std::string_view)>& wanted) {
  for (const std::string& line : Lines(groups)) {
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    if (wanted(std::string_view(line).substr(first + 1, second - first - 1))) {
      return line.substr(second + 1);
    }
  }
  return std::nullopt;
}

// What of `path` is below `mounted`, the directory of the hierarchy that the mount shows. A process
// outside of it, as that of another namespace, is taken for one of the mount's own directory.
std::string Below(const std::string& path, const std::string& mounted) {
  std::string below = path;
  if (mounted != "/") {
    const bool inside =
        path.starts_with(mounted) && (path.size() == mounted.size() || path[mounted.size()] == '/');
    below = inside ? path.substr(mounted.size()) : "";
  }
  if (below.find("..") != std::string::npos) return {};
  while (below.ends_with('/')) below.pop_back();
  return below;
}

// The hierarchy of version 2, or of version 1 the one with `controller`.
std::optional<Hierarchy> FindHierarchy(const std::string& root, bool unified,
                                       std::string_view controller) {
  const std::optional<std::string> mounts = Contents(root + "/proc/self/mountinfo");
  const std::optional<std::string> groups = Contents(root + "/proc/self/cgroup");
  if (!mounts || !groups) return std::nullopt;
  const std::optional<std::string> path = GroupPath(*groups, [&](std::string_view controllers) {
    return unified ? controllers.empty() : ListContains(controllers, controller);
  });
  if (!path) return std::nullopt;
  for (const std::string& line : Lines(*mounts)) {
    // "36 35 98:0 ROOT MOUNT_POINT OPTIONS [FIELDS...] - TYPE SOURCE SUPER_OPTIONS"
    const std::vector<std::string> words = Words(line);
    const auto dash = std::find(words.begin(), words.end(), "-");
    if (dash - words.begin() < 6 || words.end() - dash < 4) continue;
    const bool matches =
        unified ? dash[1] == "cgroup2" : dash[1] == "cgroup" && ListContains(dash[3], controller);
    if (matches) return Hierarchy{root + Unescaped(words[4]), Below(*path, Unescaped(words[3]))};
  }
  return std::nullopt;
}

// Calls `look` with the directory of each cgroup from that of the process to the outermost.
void ForEachGroup(const Hierarchy& hierarchy, const std::function<void(const std::string&)>& look) {
  std::string path = hierarchy.path;
  for (int depth = 0; depth < kMaxDepth; ++depth) {
    look(hierarchy.top + path);
    if (path.empty()) return;
    path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  }
}

uint64_t MachineMemory(const std::string& root) {
  constexpr uint64_t kKibibyte = 1024;
  if (const auto meminfo = Contents(root + "/proc/meminfo")) {
    for (const std::string& line : Lines(*meminfo)) {
      const std::vector<std::string> words = Words(line);
      if (words.size() != 3 || words[0] != "MemTotal:" || words[2] != "kB") continue;
      const std::optional<uint64_t> count = Positive(words[1]);
      if (count && *count <= UINT64_MAX / kKibibyte) return *count * kKibibyte;
    }
  }
  const auto pages = sysconf(_SC_PHYS_PAGES);
  const auto page_bytes = sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page_bytes <= 0) return kMemoryIfUnknown;
  return static_cast<uint64_t>(pages) * static_cast<uint64_t>(page_bytes);
}

// Processors that a quota of `micros` in each period of `period` pays for.
size_t ProcessorsOf(uint64_t micros, uint64_t period) {
  return static_cast<size_t>(std::ceil(static_cast<double>(micros) / static_cast<double>(period)));
}

// What one cgroup allows; nullopt: all there are.
std::optional<size_t> QuotaOf(const std::string& group, bool unified) {
  std::optional<uint64_t> micros;
  std::optional<uint64_t> period;
  if (unified) {
    const std::optional<std::string> text = Contents(group + "/cpu.max");
    const std::vector<std::string> words = Words(text.value_or(""));
    if (words.size() != 2) return std::nullopt;
    micros = Positive(words[0]);
    period = Positive(words[1]);
  } else {
    micros = FirstNumber(group + "/cpu.cfs_quota_us");
    period = FirstNumber(group + "/cpu.cfs_period_us");
  }
  if (!micros || !period) return std::nullopt;
  return ProcessorsOf(*micros, *period);
}

}  // namespace

MemoryLimit FindMemoryLimit(const std::string& root) {
  MemoryLimit limit{MachineMemory(root), std::string(kMachine)};
  const auto take = [&](const std::string& file) {
    const std::optional<uint64_t> bytes = FirstNumber(file);
    if (bytes && *bytes < limit.bytes) limit = {*bytes, file.substr(root.size())};
  };
  if (const auto v2 = FindHierarchy(root, /*unified=*/true, {})) {
    ForEachGroup(*v2, [&](const std::string& group) {
      take(group + "/memory.max");
      take(group + "/memory.high");
    });
  }
  if (const auto v1 = FindHierarchy(root, /*unified=*/false, "memory")) {
    ForEachGroup(*v1, [&](const std::string& group) { take(group + "/memory.limit_in_bytes"); });
  }
  return limit;
}

size_t FindProcessors(const std::string& root) {
  // Of the processors that the process may be scheduled on.
  size_t processors = std::max(1U, std::thread::hardware_concurrency());
  for (const bool unified : {true, false}) {
    const auto hierarchy = FindHierarchy(root, unified, "cpu");
    if (!hierarchy) continue;
    ForEachGroup(*hierarchy, [&](const std::string& group) {
      if (const auto quota = QuotaOf(group, unified)) processors = std::min(processors, *quota);
    });
  }
  return std::max<size_t>(1, processors);
}

}  // namespace tocsin
