/// Small files beside the volumes, each one checksummed frame. Private to this folder.

#pragma once

#include <optional>
#include <string>

#include <unistd.h>

#include "cpp/base/status.h"
#include "storage/columnar/frame.h"
#include "storage/volume/files.h"

namespace tocsin::storage {

/// What the frame holds; nothing if there is no such file. kCorruption and the errors of reading
/// name the path.
inline Result<std::optional<std::string>> ReadSideFile(const std::string& path) {
  if (::access(path.c_str(), F_OK) != 0) return std::nullopt;
  TOCSIN_ASSIGN_OR_RETURN(const std::string frame, ReadFile(path));
  Result<std::string> body = OpenFrame(frame);
  if (!body.has_value()) return Failure(body.error().WithContext(path));
  return *std::move(body);
}

}  // namespace tocsin::storage
