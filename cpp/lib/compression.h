/// Compression, as pure functions. Every decompressor takes the most bytes it may produce and
/// answers kResourceExhausted beyond them (so that a bomb costs no memory) and kCorruption for
/// bytes that no compressor wrote.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "cpp/base/status.h"

namespace tocsin::lib {

Result<std::string> Gunzip(std::string_view bytes, size_t max_bytes);
std::string Gzip(std::string_view bytes, int level = 1);

/// `level`: as zstd's. The frame carries its content size.
std::string ZstdCompress(std::string_view bytes, int level);
Result<std::string> ZstdDecompress(std::string_view bytes, size_t max_bytes);

/// Raw LZ4 block; the caller keeps the original size.
std::string Lz4Compress(std::string_view bytes);
Result<std::string> Lz4Decompress(std::string_view bytes, size_t original_size);

/// Snappy block format, as Prometheus remote write uses it.
std::string SnappyCompress(std::string_view bytes);
Result<std::string> SnappyDecompress(std::string_view bytes, size_t max_bytes);

}  // namespace tocsin::lib
