#include "cpp/lib/byte_stream.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include <zlib.h>
#include <zstd.h>

namespace tocsin::lib {
namespace {

constexpr size_t kPiece = 128 << 10;
constexpr int kGzipWindow = 15 + 16;  // Window bits of zlib that mean "a gzip header is expected".
constexpr int kZstdWindowLogMax = 23;
constexpr int kGzipLevel = 6;
constexpr int kZstdLevel = 3;
constexpr std::string_view kGzipMagic = "\x1f\x8b";
constexpr std::string_view kZstdMagic = "\x28\xb5\x2f\xfd";

Bytef* AsBytes(std::string_view bytes) {
  // zlib's interface is not const-correct; it does not write through next_in.
  return reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));  // NOLINT
}

// Input that decompressors take from: a piece of the source at a time.
class Input {
 public:
  explicit Input(std::unique_ptr<ByteSource> from) : from_(std::move(from)), piece_(kPiece) {}

  std::string_view rest() const { return {piece_.data() + begin_, end_ - begin_}; }
  void Skip(size_t bytes) { begin_ += bytes; }
  bool at_end() const { return ended_ && begin_ == end_; }

  // Reads on until `least` bytes are at hand, or all there are. REQUIRES: least <= kPiece.
  Status Fill(size_t least) {
    if (end_ - begin_ >= least || ended_) return {};
    std::memmove(piece_.data(), piece_.data() + begin_, end_ - begin_);
    end_ -= std::exchange(begin_, 0);
    while (end_ < least) {
      TOCSIN_ASSIGN_OR_RETURN(const size_t size,
                              from_->Read(piece_.data() + end_, piece_.size() - end_));
      if (size == 0) {
        ended_ = true;
        return {};
      }
      end_ += size;
    }
    return {};
  }

 private:
  const std::unique_ptr<ByteSource> from_;
  std::vector<char> piece_;
  size_t begin_ = 0;
  size_t end_ = 0;
  bool ended_ = false;
};

// One way to decompress. Takes bytes off the front of `input`.
class Codec {
 public:
  virtual ~Codec() = default;
  // Bytes written to `out`; 0 means that more input is wanted.
  virtual Result<size_t> Step(Input* input, char* out, size_t room) = 0;
  // Whether the input may end here.
  virtual bool complete() const = 0;
};

class Plain final : public Codec {
 public:
  Result<size_t> Step(Input* input, char* out, size_t room) override {
    const size_t size = std::min(room, input->rest().size());
    std::memcpy(out, input->rest().data(), size);
    input->Skip(size);
    return size;
  }
  bool complete() const override { return true; }
};

class Gunzipper final : public Codec {
 public:
  Gunzipper() { ready_ = inflateInit2(&stream_, kGzipWindow) == Z_OK; }
  ~Gunzipper() override { inflateEnd(&stream_); }
  Gunzipper(const Gunzipper&) = delete;
  Gunzipper& operator=(const Gunzipper&) = delete;

  Result<size_t> Step(Input* input, char* out, size_t room) override {
    if (!ready_) return InternalError("gzip: no memory");
    if (member_ended_) {  // Members may follow one another; what is no member is damage.
      if (inflateReset(&stream_) != Z_OK) return CorruptionError("gzip: damaged stream");
      member_ended_ = false;
    }
    const std::string_view rest = input->rest();
    stream_.next_in = AsBytes(rest);
    stream_.avail_in = static_cast<uInt>(rest.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = static_cast<uInt>(std::min(room, kPiece));
    const uInt asked = stream_.avail_out;
    const int code = inflate(&stream_, Z_NO_FLUSH);
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
      return CorruptionError("gzip: damaged stream");
    }
    member_ended_ = code == Z_STREAM_END;
    input->Skip(rest.size() - stream_.avail_in);
    return size_t{asked - stream_.avail_out};
  }
  bool complete() const override { return member_ended_; }

 private:
  z_stream stream_{};
  bool ready_ = false;
  bool member_ended_ = false;
};

class Unzstd final : public Codec {
 public:
  Unzstd() : context_(ZSTD_createDCtx(), &ZSTD_freeDCtx) {
    ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kZstdWindowLogMax);
  }

  Result<size_t> Step(Input* input, char* out, size_t room) override {
    ZSTD_inBuffer in{input->rest().data(), input->rest().size(), 0};
    ZSTD_outBuffer to{out, room, 0};
    const size_t code = ZSTD_decompressStream(context_.get(), &to, &in);
    if (ZSTD_isError(code) != 0) {
      return CorruptionError(std::string("zstd: ") + ZSTD_getErrorName(code));
    }
    frame_ended_ = code == 0;
    input->Skip(in.pos);
    return to.pos;
  }
  bool complete() const override { return frame_ended_; }

 private:
  const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context_;
  bool frame_ended_ = false;
};

class DecompressingSource final : public ByteSource {
 public:
  explicit DecompressingSource(std::unique_ptr<ByteSource> from) : input_(std::move(from)) {}

  Result<size_t> Read(char* out, size_t room) override {
    TOCSIN_RETURN_IF_ERROR(ChooseCodec());
    while (true) {
      TOCSIN_RETURN_IF_ERROR(input_.Fill(1));
      // A codec may hold back output although its input is used up, unless it is at a clean end.
      if (input_.at_end() && codec_->complete()) return 0;
      const size_t before = input_.rest().size();
      TOCSIN_ASSIGN_OR_RETURN(const size_t size, codec_->Step(&input_, out, room));
      if (size > 0) return size;
      if (input_.at_end() && !codec_->complete() && before == 0) {
        return CorruptionError("the compressed file is cut short");
      }
    }
  }

 private:
  Status ChooseCodec() {
    if (codec_ != nullptr) return {};
    TOCSIN_RETURN_IF_ERROR(input_.Fill(kZstdMagic.size()));
    if (input_.rest().starts_with(kGzipMagic)) {
      codec_ = std::make_unique<Gunzipper>();
    } else if (input_.rest().starts_with(kZstdMagic)) {
      codec_ = std::make_unique<Unzstd>();
    } else {
      codec_ = std::make_unique<Plain>();
    }
    return {};
  }

  Input input_;
  std::unique_ptr<Codec> codec_;
};

class GzipSink final : public ByteSink {
 public:
  explicit GzipSink(std::unique_ptr<ByteSink> to) : to_(std::move(to)) {
    TOCSIN_CHECK(
        deflateInit2(&stream_, kGzipLevel, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  }
  ~GzipSink() override { deflateEnd(&stream_); }
  GzipSink(const GzipSink&) = delete;
  GzipSink& operator=(const GzipSink&) = delete;

  Status Write(std::string_view bytes) override {
    while (!bytes.empty()) {
      const std::string_view piece = bytes.substr(0, kPiece);
      bytes.remove_prefix(piece.size());
      stream_.next_in = AsBytes(piece);
      stream_.avail_in = static_cast<uInt>(piece.size());
      TOCSIN_RETURN_IF_ERROR(Deflate(Z_NO_FLUSH));
    }
    return {};
  }

  Status Finish() override {
    TOCSIN_RETURN_IF_ERROR(Deflate(Z_FINISH));
    return to_->Finish();
  }

 private:
  Status Deflate(int flush) {
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(out_.data());
      stream_.avail_out = static_cast<uInt>(out_.size());
      const int code = deflate(&stream_, flush);
      TOCSIN_CHECK(code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR);
      TOCSIN_RETURN_IF_ERROR(to_->Write({out_.data(), out_.size() - stream_.avail_out}));
    } while (stream_.avail_out == 0);
    return {};
  }

  const std::unique_ptr<ByteSink> to_;
  z_stream stream_{};
  std::array<char, 16 << 10> out_{};
};

class ZstdSink final : public ByteSink {
 public:
  explicit ZstdSink(std::unique_ptr<ByteSink> to)
      : to_(std::move(to)), context_(ZSTD_createCCtx(), &ZSTD_freeCCtx) {
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, kZstdLevel);
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
  }

  Status Write(std::string_view bytes) override { return Compress(bytes, ZSTD_e_continue); }
  Status Finish() override {
    TOCSIN_RETURN_IF_ERROR(Compress({}, ZSTD_e_end));
    return to_->Finish();
  }

 private:
  Status Compress(std::string_view bytes, ZSTD_EndDirective directive) {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    size_t left = 0;
    do {
      ZSTD_outBuffer to{out_.data(), out_.size(), 0};
      left = ZSTD_compressStream2(context_.get(), &to, &in, directive);
      TOCSIN_CHECK(ZSTD_isError(left) == 0);
      TOCSIN_RETURN_IF_ERROR(to_->Write({out_.data(), to.pos}));
    } while (in.pos < in.size || (directive == ZSTD_e_end && left > 0));
    return {};
  }

  const std::unique_ptr<ByteSink> to_;
  const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context_;
  std::array<char, 16 << 10> out_{};
};

}  // namespace

std::unique_ptr<ByteSource> Decompressing(std::unique_ptr<ByteSource> from) {
  return std::make_unique<DecompressingSource>(std::move(from));
}

std::unique_ptr<ByteSink> GzipCompressing(std::unique_ptr<ByteSink> to) {
  return std::make_unique<GzipSink>(std::move(to));
}

std::unique_ptr<ByteSink> ZstdCompressing(std::unique_ptr<ByteSink> to) {
  return std::make_unique<ZstdSink>(std::move(to));
}

}  // namespace tocsin::lib
