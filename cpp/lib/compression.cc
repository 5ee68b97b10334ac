#include "cpp/lib/compression.h"

#include <algorithm>
#include <limits>
#include <memory>

#include <lz4.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

namespace tocsin::lib {
namespace {

// Window bits of zlib that mean "a gzip header is expected".
constexpr int kGzipWindow = 15 + 16;

// One context a thread: making one costs more than compressing a small column.
ZSTD_CCtx* CompressionContext() {
  static thread_local const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(
      ZSTD_createCCtx(), &ZSTD_freeCCtx);
  TOCSIN_CHECK(context != nullptr);
  return context.get();
}

ZSTD_DCtx* DecompressionContext() {
  static thread_local const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(
      ZSTD_createDCtx(), &ZSTD_freeDCtx);
  TOCSIN_CHECK(context != nullptr);
  return context.get();
}

Bytef* ToZlib(char* out) { return reinterpret_cast<Bytef*>(out); }

void SetInput(z_stream* stream, std::string_view bytes) {
  // zlib's interface is not const-correct; it does not write through next_in.
  stream->next_in = ToZlib(const_cast<char*>(bytes.data()));
  stream->avail_in = static_cast<uInt>(bytes.size());
}

}  // namespace

Result<std::string> Gunzip(std::string_view bytes, size_t max_bytes) {
  if (bytes.size() > std::numeric_limits<uInt>::max()) {
    return ResourceExhaustedError("gzip: the input is larger than 4 GiB");
  }
  z_stream stream{};
  if (inflateInit2(&stream, kGzipWindow) != Z_OK) return InternalError("gzip: no memory");
  const std::unique_ptr<z_stream, decltype(&inflateEnd)> end(&stream, &inflateEnd);
  SetInput(&stream, bytes);
  std::string out;
  size_t size = 0;
  out.resize(std::min(max_bytes + 1, std::max<size_t>(bytes.size() * 5, 4096)));
  while (true) {
    if (size == out.size()) out.resize(std::min(max_bytes + 1, out.size() * 2));
    const size_t room = std::min<size_t>(out.size() - size, std::numeric_limits<uInt>::max());
    stream.next_out = ToZlib(out.data() + size);
    stream.avail_out = static_cast<uInt>(room);
    const int code = inflate(&stream, Z_NO_FLUSH);
    size += room - stream.avail_out;
    if (size > max_bytes) return ResourceExhaustedError("gzip: the content is over the size limit");
    if (code == Z_STREAM_END) {
      if (stream.avail_in == 0) break;
      // Members may follow one another; what is no member is damage.
      if (inflateReset(&stream) != Z_OK) return CorruptionError("gzip: damaged stream");
      continue;
    }
    if (code == Z_BUF_ERROR && stream.avail_in == 0) return CorruptionError("gzip: cut short");
    if (code != Z_OK && code != Z_BUF_ERROR) return CorruptionError("gzip: damaged stream");
    if (stream.avail_in == 0 && stream.avail_out > 0) return CorruptionError("gzip: cut short");
  }
  out.resize(size);
  return out;
}

std::string Gzip(std::string_view bytes, int level) {
  z_stream stream{};
  TOCSIN_CHECK(deflateInit2(&stream, level, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) ==
               Z_OK);
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  SetInput(&stream, bytes);
  stream.next_out = ToZlib(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  TOCSIN_CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string ZstdCompress(std::string_view bytes, int level) {
  std::string out;
  out.resize(ZSTD_compressBound(bytes.size()));
  const size_t size = ZSTD_compressCCtx(CompressionContext(), out.data(), out.size(), bytes.data(),
                                        bytes.size(), level);
  TOCSIN_CHECK(ZSTD_isError(size) == 0);
  out.resize(size);
  return out;
}

Result<std::string> ZstdDecompress(std::string_view bytes, size_t max_bytes) {
  const unsigned long long content = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  if (content == ZSTD_CONTENTSIZE_ERROR || content == ZSTD_CONTENTSIZE_UNKNOWN) {
    return CorruptionError("zstd: no frame of a known size");
  }
  if (content > max_bytes) {
    return ResourceExhaustedError("zstd: the content is over the size limit");
  }
  std::string out;
  out.resize(content);
  const size_t size = ZSTD_decompressDCtx(DecompressionContext(), out.data(), out.size(),
                                          bytes.data(), bytes.size());
  if (ZSTD_isError(size) != 0 || size != content) {
    return CorruptionError("zstd: damaged frame");
  }
  return out;
}

std::string Lz4Compress(std::string_view bytes) {
  TOCSIN_CHECK(bytes.size() <= LZ4_MAX_INPUT_SIZE);
  std::string out;
  out.resize(static_cast<size_t>(LZ4_compressBound(static_cast<int>(bytes.size()))));
  const int size = LZ4_compress_default(bytes.data(), out.data(), static_cast<int>(bytes.size()),
                                        static_cast<int>(out.size()));
  TOCSIN_CHECK(size > 0 || bytes.empty());
  out.resize(static_cast<size_t>(size));
  return out;
}

Result<std::string> Lz4Decompress(std::string_view bytes, size_t original_size) {
  if (bytes.size() > std::numeric_limits<int>::max() ||
      original_size > static_cast<size_t>(LZ4_MAX_INPUT_SIZE)) {
    return CorruptionError("lz4: impossible size");
  }
  std::string out;
  out.resize(original_size);
  const int size = LZ4_decompress_safe(bytes.data(), out.data(), static_cast<int>(bytes.size()),
                                       static_cast<int>(out.size()));
  if (size < 0 || static_cast<size_t>(size) != original_size) {
    return CorruptionError("lz4: damaged block");
  }
  return out;
}

std::string SnappyCompress(std::string_view bytes) {
  std::string out;
  snappy::Compress(bytes.data(), bytes.size(), &out);
  return out;
}

Result<std::string> SnappyDecompress(std::string_view bytes, size_t max_bytes) {
  size_t size = 0;
  if (!snappy::GetUncompressedLength(bytes.data(), bytes.size(), &size)) {
    return CorruptionError("snappy: damaged block");
  }
  if (size > max_bytes) return ResourceExhaustedError("snappy: the content is over the size limit");
  std::string out;
  if (!snappy::Uncompress(bytes.data(), bytes.size(), &out)) {
    return CorruptionError("snappy: damaged block");
  }
  return out;
}

}  // namespace tocsin::lib
