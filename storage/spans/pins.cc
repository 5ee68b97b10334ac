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
    std::set<TraceId>& ids = pins[std::string(in.SizedBytes())];
    for (size_t count = in.Count(in.remaining() / kIdBytes); count > 0; --count) {
      const std::string_view id = in.Bytes(kIdBytes);
      if (in.failed()) break;
      ids.insert(TraceId::FromBytes(id.data()));
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
    for (const TraceId& id : ids) body += id.ToBytes();
  }
  TOCSIN_RETURN_IF_ERROR(WriteFileAtomically(path_, SealFrame(body, Compression::kNone)));
  pins_ = std::move(changed);
  return {};
}

Status Pins::Pin(std::string_view tenant, const TraceId& id) {
  const std::lock_guard lock(mutex_);
  ByTenant changed = pins_;
  if (!changed[std::string(tenant)].insert(id).second) return {};
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
  return {it->second.begin(), it->second.end()};
}

}  // namespace tocsin::storage
