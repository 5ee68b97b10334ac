#include "storage/spans/value_filter.h"

#include "cpp/base/hash.h"
#include "storage/columnar/bloom.h"
#include "storage/spans/segment_format.h"

namespace tocsin::storage {
namespace {

// Hashes of one page: with ten bits for each it stays, its frame and its key included, within the
// four KiB that LevelDB reads at once.
constexpr size_t kHashesOfPage = 3'100;

// Behind the types of ValueType.
constexpr uint64_t kOtherTypes = 0x80;
constexpr uint64_t kAnyType = 0xff;

uint64_t SeedOf(AttrScope scope, uint64_t type, std::string_view key) {
  return Hash64(key, static_cast<uint64_t>(scope) << 8 | type);
}

}  // namespace

ValueHasher::ValueHasher(AttrScope scope, ValueType type, std::string_view key)
    : seed_(SeedOf(scope, static_cast<uint64_t>(type), key)) {}

uint64_t ValueHasher::Text(std::string_view text) const { return Hash64(text, seed_); }

uint64_t ValueHasher::Number(uint64_t bits) const { return Text(Overflow::FromNumber(bits)); }

uint64_t ValueHasher::OtherTypes() const { return Hash64("", seed_ ^ kOtherTypes); }

uint64_t ValueHasher::Key(AttrScope scope, std::string_view key) {
  return Hash64("", SeedOf(scope, kAnyType, key));
}

std::vector<std::string> BuildValueFilter(std::span<const uint64_t> hashes) {
  const auto pages = static_cast<uint32_t>(hashes.size() / kHashesOfPage + 1);
  std::vector<std::vector<uint64_t>> of_page(pages);
  for (std::vector<uint64_t>& of : of_page) of.reserve(hashes.size() / pages + kHashesOfPage / 16);
  for (const uint64_t hash : hashes) of_page[FilterPageOf(hash, pages)].push_back(hash);
  std::vector<std::string> filters;
  filters.reserve(pages);
  for (const std::vector<uint64_t>& of : of_page) filters.push_back(BuildBloom(of));
  return filters;
}

bool FilterPageMayContain(std::string_view page, uint64_t hash) {
  return BloomMayContain(page, hash);
}

}  // namespace tocsin::storage
