/// Bytes that come and go piece by piece, and compression on the way: for files that are larger
/// than memory. (compression.h is for what is in memory as a whole.)

#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "cpp/base/status.h"

namespace tocsin::lib {

/// Where bytes come from. One thread.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Writes at most `room` bytes to `out` and says how many; 0 only at the end. REQUIRES: room > 0.
  virtual Result<size_t> Read(char* out, size_t room) = 0;
};

/// Where bytes go. One thread.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual Status Write(std::string_view bytes) = 0;
  /// Writes what was held back. Without it the output may be cut short. Nothing is written after
  /// it.
  virtual Status Finish() = 0;
};

/// What `from` gives, decompressed if its first bytes are those of gzip or zstd (one member or
/// frame or several), else as it is. kCorruption for a damaged or cut stream. Memory: a window,
/// which a hostile file cannot make larger than 8 MiB.
std::unique_ptr<ByteSource> Decompressing(std::unique_ptr<ByteSource> from);

/// What is written goes to `to`, compressed. Finish() finishes `to` too.
std::unique_ptr<ByteSink> GzipCompressing(std::unique_ptr<ByteSink> to);
std::unique_ptr<ByteSink> ZstdCompressing(std::unique_ptr<ByteSink> to);

}  // namespace tocsin::lib
