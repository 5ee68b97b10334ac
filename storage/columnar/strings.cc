#include "storage/columnar/strings.h"

#include <cstdint>
#include <utility>

#include "storage/columnar/frame.h"
#include "storage/columnar/integers.h"

namespace tocsin::storage {

void PutStrings(const StringList& strings, Packing packing, std::string* out) {
  std::vector<uint64_t> lengths(strings.size());
  for (size_t i = 0; i < strings.size(); ++i) lengths[i] = strings[i].size();
  PutIntegers(lengths, packing, out);
  PutSection(strings.bytes_, packing, out);
}

StringList ReadStrings(ByteReader* in, size_t count) {
  const std::vector<uint64_t> lengths = ReadIntegers(in, count);
  StringList strings;
  strings.bytes_ = ReadSection(in, kMaxFrameBody);
  if (in->failed()) return {};
  strings.ends_.reserve(count);
  uint64_t end = 0;
  for (const uint64_t length : lengths) {
    if (length > strings.bytes_.size() - end) {
      in->Fail();
      return {};
    }
    end += length;
    strings.ends_.push_back(static_cast<uint32_t>(end));
  }
  if (end != strings.bytes_.size()) in->Fail();
  return strings;
}

}  // namespace tocsin::storage
