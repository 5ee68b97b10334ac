/// Files as streams of bytes. "-" is standard input or output.

#pragma once

#include <memory>
#include <string>

#include "cpp/base/status.h"
#include "cpp/lib/byte_stream.h"

namespace tocsin::cli {

/// kNotFound or kUnavailable with the reason.
Result<std::unique_ptr<lib::ByteSource>> OpenSource(const std::string& path);

/// All bytes of a file that fits in memory. kNotFound or kUnavailable with the reason.
Result<std::string> ReadText(const std::string& path);

/// Compressed as the name ends: `.gz`, `.zst`. The file has its name only once Finish() was OK, so
/// that one that broke off is not taken for a whole one; an older one of that name is replaced
/// then.
Result<std::unique_ptr<lib::ByteSink>> OpenSink(const std::string& path);

}  // namespace tocsin::cli
