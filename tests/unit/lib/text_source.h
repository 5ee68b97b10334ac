/// A source of bytes that tests write down.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string>
#include <utility>

#include "cpp/lib/byte_stream.h"

namespace tocsin::lib {

/// Gives a text in pieces of `piece` bytes.
class TextSource final : public ByteSource {
 public:
  TextSource(std::string text, size_t piece) : text_(std::move(text)), piece_(piece) {}
  Result<size_t> Read(char* out, size_t room) override {
    const size_t size = std::min({room, piece_, text_.size() - at_});
    std::memcpy(out, text_.data() + at_, size);
    at_ += size;
    return size;
  }

 private:
  const std::string text_;
  const size_t piece_;
  size_t at_ = 0;
};

}  // namespace tocsin::lib
