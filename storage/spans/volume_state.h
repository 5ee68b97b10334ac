/// What a volume says of itself beside its segments. storage/FORMAT.md, "Volumes".

#pragma once

#include <string>
#include <string_view>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "storage/volume/volume.h"

namespace tocsin::storage {

/// The one key of a volume that has to do with no segment.
inline constexpr std::string_view kVolumeStateKey = "volume";

struct VolumeState {
  Nanos created = 0;
  Nanos closed = 0;  ///< 0: not yet.
  bool compacted = false;
};

std::string EncodeVolumeState(const VolumeState& state);

/// A volume that was just made and has no state yet is as new as `now`. kFailedPrecondition for a
/// later format version.
Result<VolumeState> ReadVolumeState(const Volume& volume, Nanos now);

}  // namespace tocsin::storage
