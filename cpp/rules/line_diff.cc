#include "cpp/rules/line_diff.h"

#include <algorithm>
#include <vector>

namespace tocsin::rules {
namespace {

constexpr size_t kMaxLines = 1000;

std::vector<std::string_view> LinesOf(std::string_view text) {
  std::vector<std::string_view> lines;
  while (true) {
    const size_t feed = text.find('\n');
    lines.push_back(text.substr(0, feed));
    if (feed == std::string_view::npos) return lines;
    text.remove_prefix(feed + 1);
  }
}

/// At [i][j] how many lines the rests from i and j have in common, in order.
class Common {
 public:
  Common(const std::vector<std::string_view>& a, const std::vector<std::string_view>& b)
      : width_(b.size() + 1) {
    if (a.size() > kMaxLines || b.size() > kMaxLines) return;
    lengths_.resize((a.size() + 1) * width_);
    for (size_t i = a.size(); i-- > 0;) {
      for (size_t j = b.size(); j-- > 0;) {
        lengths_[i * width_ + j] =
            a[i] == b[j] ? At(i + 1, j + 1) + 1 : std::max(At(i + 1, j), At(i, j + 1));
      }
    }
  }

  size_t At(size_t i, size_t j) const { return lengths_.empty() ? 0 : lengths_[i * width_ + j]; }

 private:
  size_t width_;
  std::vector<size_t> lengths_;
};

}  // namespace

std::string LineDiff(std::string_view expected, std::string_view got) {
  const std::vector<std::string_view> a = LinesOf(expected);
  const std::vector<std::string_view> b = LinesOf(got);
  const Common common(a, b);
  std::string diff;
  const auto add = [&diff](std::string_view sign, std::string_view line) {
    diff.append(diff.empty() ? "" : "\n").append(sign).append(line);
  };
  size_t i = 0;
  size_t j = 0;
  while (i < a.size() || j < b.size()) {
    const bool both = i < a.size() && j < b.size();
    if (both && a[i] == b[j] && common.At(i, j) > 0) {
      add("  ", a[i++]);
      ++j;
    } else if (j == b.size() || (both && common.At(i + 1, j) >= common.At(i, j + 1))) {
      add("- ", a[i++]);
    } else {
      add("+ ", b[j++]);
    }
  }
  return diff;
}

}  // namespace tocsin::rules
