// Layout: one frame of the number of families, and for each: family, type (u8), help, unit; texts
// as a length and bytes.

#include "storage/series/metadata_file.h"

#include "cpp/base/log.h"
#include "storage/columnar/byte_reader.h"
#include "storage/columnar/frame.h"
#include "storage/volume/files.h"

namespace tocsin::storage {
namespace {

constexpr size_t kMinEntryBytes = 4;

Result<std::vector<MetricMetadata>> Decode(std::string_view body) {
  ByteReader in(body);
  std::vector<MetricMetadata> metadata(in.Count(in.remaining() / kMinEntryBytes));
  for (MetricMetadata& entry : metadata) {
    entry.family = in.SizedBytes();
    const uint8_t type = in.Byte();
    if (type > static_cast<uint8_t>(MetricType::kStateSet)) in.Fail();
    entry.type = static_cast<MetricType>(type);
    entry.help = in.SizedBytes();
    entry.unit = in.SizedBytes();
  }
  TOCSIN_RETURN_IF_ERROR(in.Finish("metadata"));
  return metadata;
}

}  // namespace

Status WriteMetadataFile(const std::string& path, std::span<const MetricMetadata> metadata) {
  std::string body;
  PutVarint64(&body, metadata.size());
  for (const MetricMetadata& entry : metadata) {
    PutSizedBytes(&body, entry.family);
    body.push_back(static_cast<char>(entry.type));
    PutSizedBytes(&body, entry.help);
    PutSizedBytes(&body, entry.unit);
  }
  if (body.size() > kMaxFrameBody) return ResourceExhaustedError("too much metadata for its file");
  return WriteFileAtomically(path, SealFrame(body, Compression::kZstd));
}

Result<std::vector<MetricMetadata>> ReadMetadataFile(const std::string& path) {
  const Result<std::string> bytes = ReadFile(path);
  if (!bytes.has_value()) {
    if (bytes.error().code() == StatusCode::kNotFound) return std::vector<MetricMetadata>();
    return Failure(bytes.error());
  }
  const Result<std::string> body = OpenFrame(*bytes);
  Result<std::vector<MetricMetadata>> metadata =
      body.has_value() ? Decode(*body) : Failure(body.error());
  if (metadata.has_value()) return metadata;
  log::Error("series store: the metadata file is damaged",
             {{"path", path}, {"reason", metadata.error().message()}});
  return std::vector<MetricMetadata>();
}

}  // namespace tocsin::storage
