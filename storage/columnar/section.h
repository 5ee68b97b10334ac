/// Section: a run of bytes inside a column, packed with zstd where that pays. Byte layout:
/// storage/FORMAT.md, "Section".

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "storage/columnar/byte_reader.h"

namespace tocsin::storage {

/// Whether the parts of a column are compressed one by one. They are not where the frame around
/// many small columns is compressed as a whole.
enum class Packing : uint8_t { kPlain, kZstd };

void PutSection(std::string_view bytes, Packing packing, std::string* out);

/// The bytes. A section larger than `most` is a failure of `in`, as every damage is.
std::string ReadSection(ByteReader* in, size_t most);

/// The same without a copy where the bytes stand in the column as they are.
class Section {
 public:
  Section(ByteReader* in, size_t most);
  // The view may be of the object's own bytes.
  Section(const Section&) = delete;
  Section& operator=(const Section&) = delete;

  /// Valid while this and what `in` reads live; empty on failure.
  std::string_view bytes() const { return bytes_; }

 private:
  std::string unpacked_;
  std::string_view bytes_;
};

}  // namespace tocsin::storage
