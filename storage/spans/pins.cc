#include "storage/spans/pins.h"

#include <utility>

#include "cpp/base/coding.h"
#include "storage/columnar/byte_reader.h"
#include "storage/columnar/frame.h"
#include "storage/spans/side_file.h"
#include "storage/volume/files.h"

namespace tocsin::storage {
namespace {

constexpr size_t kIdBytes = 16;

}  // namespace

Status Pins::Load(std::string path) {
  const std::lock_guard lock(mutex_);
  path_ = std::move(path);
  const Result<std::optional<std::string>> file = ReadSideFile(path_);
  if (!file.has_value()) return file.error();
  if (!file->has_value()) return {};
  ByteReader in(**file);
  ByTenant pins;
  for (size_t tenants = in.Count(in.remaining()); tenants > 0; --tenants) {
    Sizes& ids = pins[std::string(in.SizedBytes())];
    for (size_t count = in.Count(in.remaining() / kIdBytes); count > 0; --count) {
      const std::string_view id = in.Bytes(kIdBytes);
      if (in.failed()) break;
      ids.emplace(TraceId::FromBytes(id.data()), 0);
    }
    if (in.failed()) break;
  }
  TOCSIN_RETURN_IF_ERROR(in.Finish("pins"));
  pins_ = std::move(pins);
  return {};
}

Status Pins::SaveLocked(ByTenant changed) {
  std::string body;
  PutVarint64(&body, changed.size());
  for (const auto& [tenant, ids] : changed) {
    PutSizedBytes(&body, tenant);
    PutVarint64(&body, ids.size());
    for (const auto& [id, bytes] : ids) body += id.ToBytes();
  }
  TOCSIN_RETURN_IF_ERROR(WriteFileAtomically(path_, SealFrame(body, Compression::kNone)));
  pins_ = std::move(changed);
  return {};
}

Status Pins::Pin(std::string_view tenant, const TraceId& id) {
  const std::lock_guard lock(mutex_);
  ByTenant changed = pins_;
  if (!changed[std::string(tenant)].emplace(id, 0).second) return {};
  size_t pinned = 0;
  for (const auto& [name, ids] : pins_) pinned += ids.size();
  if (pinned >= kMaxPins) {
    return ResourceExhaustedError(std::to_string(pinned) +
                                  " traces are pinned, and no more may be: unpin others first");
  }
  return SaveLocked(std::move(changed));
}

Status Pins::Unpin(std::string_view tenant, const TraceId& id) {
  const std::lock_guard lock(mutex_);
  ByTenant changed = pins_;
  const auto it = changed.find(tenant);
  if (it == changed.end() || it->second.erase(id) == 0) return {};
  if (it->second.empty()) changed.erase(it);
  return SaveLocked(std::move(changed));
}

std::vector<TraceId> Pins::Of(std::string_view tenant) const {
  const std::lock_guard lock(mutex_);
  const auto it = pins_.find(tenant);
  if (it == pins_.end()) return {};
  std::vector<TraceId> ids;
  for (const auto& [id, bytes] : it->second) ids.push_back(id);
  return ids;
}

bool Pins::Has(std::string_view tenant, const TraceId& id) const {
  const std::lock_guard lock(mutex_);
  const auto it = pins_.find(tenant);
  return it != pins_.end() && it->second.contains(id);
}

void Pins::SetBytes(std::string_view tenant, const Sizes& bytes) {
  const std::lock_guard lock(mutex_);
  const auto it = pins_.find(tenant);
  if (it == pins_.end()) return;
  for (const auto& [id, size] : bytes) {
    if (const auto pin = it->second.find(id); pin != it->second.end()) pin->second = size;
  }
}

uint64_t Pins::MeasuredBytes() const {
  const std::lock_guard lock(mutex_);
  uint64_t sum = 0;
  for (const auto& [tenant, ids] : pins_) {
    for (const auto& [id, bytes] : ids) sum += bytes;
  }
  return sum;
}

std::map<std::string, std::vector<TraceId>> Pins::Unmeasured(bool again) const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, std::vector<TraceId>> unmeasured;
  for (const auto& [tenant, ids] : pins_) {
    for (const auto& [id, bytes] : ids) {
      if (again || bytes == 0) unmeasured[tenant].push_back(id);
    }
  }
  return unmeasured;
}

}  // namespace tocsin::storage
