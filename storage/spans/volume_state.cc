#include "storage/spans/volume_state.h"

#include <cstdint>
#include <optional>

#include "cpp/base/coding.h"
#include "storage/columnar/frame.h"

namespace tocsin::storage {
namespace {

constexpr uint64_t kFormatVersion = 1;

Result<VolumeState> DecodeState(std::string_view frame) {
  const Result<std::string> body = OpenFrame(frame);
  if (!body.has_value()) return Failure(body.error());
  std::string_view bytes = *body;
  const auto version = GetVarint64(&bytes);
  if (version && *version != kFormatVersion) {
    return FailedPreconditionError("a volume has format version " + std::to_string(*version) +
                                   ", and this program knows version " +
                                   std::to_string(kFormatVersion));
  }
  const auto created = version ? GetVarint64(&bytes) : std::nullopt;
  const auto closed = created ? GetVarint64(&bytes) : std::nullopt;
  const auto compacted = closed ? GetVarint64(&bytes) : std::nullopt;
  if (!compacted || !bytes.empty()) return CorruptionError("the state of a volume is damaged");
  return VolumeState{static_cast<Nanos>(*created), static_cast<Nanos>(*closed), *compacted != 0};
}

}  // namespace

std::string EncodeVolumeState(const VolumeState& state) {
  std::string bytes;
  PutVarint64(&bytes, kFormatVersion);
  PutVarint64(&bytes, static_cast<uint64_t>(state.created));
  PutVarint64(&bytes, static_cast<uint64_t>(state.closed));
  PutVarint64(&bytes, state.compacted ? 1 : 0);
  return SealFrame(bytes, Compression::kNone);
}

Result<VolumeState> ReadVolumeState(const Volume& volume, Nanos now) {
  const Result<std::string> bytes = volume.Get(kVolumeStateKey);
  if (!bytes.has_value() && bytes.error().code() == StatusCode::kNotFound) {
    return VolumeState{now, 0, false};
  }
  if (!bytes.has_value()) return Failure(bytes.error());
  return DecodeState(*bytes);
}

}  // namespace tocsin::storage
