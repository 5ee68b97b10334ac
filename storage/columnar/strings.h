/// Codec for lists of strings: their lengths as integers, their bytes as one compressed run. Byte
/// layout: storage/FORMAT.md, "Strings".

#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "storage/columnar/byte_reader.h"
#include "storage/columnar/section.h"

namespace tocsin::storage {

/// A list of strings in two allocations.
class StringList {
 public:
  StringList() = default;
  size_t size() const { return ends_.size(); }
  std::string_view operator[](size_t i) const {
    const uint32_t begin = i == 0 ? 0 : ends_[i - 1];
    return {bytes_.data() + begin, ends_[i] - begin};
  }
  /// REQUIRES: the bytes of all strings stay below 4 GiB.
  void Append(std::string_view text) {
    bytes_.append(text);
    ends_.push_back(static_cast<uint32_t>(bytes_.size()));
  }
  size_t MemoryBytes() const { return bytes_.capacity() + ends_.capacity() * sizeof(uint32_t); }

 private:
  friend void PutStrings(const StringList&, Packing, std::string*);
  friend StringList ReadStrings(ByteReader*, size_t);
  std::string bytes_;
  std::vector<uint32_t> ends_;
};

void PutStrings(const StringList& strings, Packing packing, std::string* out);

/// Damage is a failure of `in`; the result is then unspecified.
StringList ReadStrings(ByteReader* in, size_t count);

}  // namespace tocsin::storage
