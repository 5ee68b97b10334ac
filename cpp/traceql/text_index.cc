#include "cpp/traceql/text_index.h"

#include <algorithm>

#include "cpp/base/hash.h"
#include "cpp/traceql/source.h"

namespace tocsin::traceql {
namespace {

uint32_t HashOf(std::string_view text) { return static_cast<uint32_t>(Hash64(text)); }

}  // namespace

void TextIndex::Make(const std::vector<Value>& values) const {
  strings_.reserve(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const auto code = static_cast<uint32_t>(i + 1);
    if (values[i].type == ValueType::kString) {
      strings_.push_back({HashOf(values[i].text), code});
    } else {
      others_.push_back(code);
    }
  }
  std::sort(strings_.begin(), strings_.end(), [](const Entry& a, const Entry& b) {
    return a.hash != b.hash ? a.hash < b.hash : a.code < b.code;
  });
}

std::vector<uint32_t> TextIndex::CodesOf(const std::vector<Value>& values,
                                         std::string_view text) const {
  std::call_once(made_, [&] { Make(values); });
  const uint32_t hash = HashOf(text);
  std::vector<uint32_t> codes;
  auto it = std::lower_bound(strings_.begin(), strings_.end(), hash,
                             [](const Entry& entry, uint32_t h) { return entry.hash < h; });
  for (; it != strings_.end() && it->hash == hash; ++it) {
    if (values[it->code - 1].text == text) codes.push_back(it->code);
  }
  return codes;
}

std::span<const uint32_t> TextIndex::CodesOfOthers(const std::vector<Value>& values) const {
  std::call_once(made_, [&] { Make(values); });
  return others_;
}

}  // namespace tocsin::traceql
