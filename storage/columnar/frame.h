/// The frame of every value that is written: a version, the compression, the size and a CRC-32C
/// around a body. It is the one place where stored bytes are checked. Byte layout:
/// storage/FORMAT.md, "Frame".

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "cpp/base/status.h"

namespace tocsin::storage {

/// The numbers are on disk: never renumber.
enum class Compression : uint8_t { kNone = 0, kZstd = 1, kLz4 = 2 };

/// No frame holds a larger body.
inline constexpr size_t kMaxFrameBody = size_t{1} << 30;

/// The frame of `body`. Compression that gains nothing is left out.
/// REQUIRES: body.size() <= kMaxFrameBody.
std::string SealFrame(std::string_view body, Compression compression);

/// The body. kCorruption for anything SealFrame did not write, kFailedPrecondition for the frame of
/// a later version of this program.
Result<std::string> OpenFrame(std::string_view frame);

}  // namespace tocsin::storage
