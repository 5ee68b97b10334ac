#include "storage/series/block_format.h"

#include "cpp/base/coding.h"
#include "storage/columnar/byte_reader.h"
#include "storage/series/chunk_codec.h"

namespace tocsin::storage {
namespace {

constexpr size_t kMinSeriesBytes = 2;  // Of an entry of a footer or a group: bounds counts.
constexpr uint32_t kMaxLevel = 2;

void PutBigEndian(uint64_t value, int bytes, std::string* out) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    out->push_back(static_cast<char>(value >> shift));
  }
}

uint64_t GetBigEndian(std::string_view bytes) {
  uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<uint8_t>(c);
  return value;
}

// The sign bit is turned, so that keys are in the order of time also before 1970.
std::string KeyOf(BlockKey kind, Millis start) {
  std::string key(1, static_cast<char>(kind));
  PutBigEndian(static_cast<uint64_t>(start) ^ (uint64_t{1} << 63), 8, &key);
  return key;
}

void PutId(SeriesId id, SeriesId* last, std::string* out) {
  PutVarint64(out, ZigZag(int64_t{id} - int64_t{*last}));
  *last = id;
}

SeriesId GetId(ByteReader* in, int64_t* last) {
  *last = static_cast<int64_t>(static_cast<uint64_t>(*last) +
                               static_cast<uint64_t>(UnZigZag(in->Varint())));
  if (*last <= kNoSeries || *last > int64_t{UINT32_MAX}) in->Fail();
  return static_cast<SeriesId>(*last);
}

}  // namespace

std::string FooterKey(Millis start, uint64_t number) {
  std::string key = KeyOf(BlockKey::kFooter, start);
  PutBigEndian(number, 8, &key);
  return key;
}

std::string FooterKeyOfVersion1(Millis start) { return KeyOf(BlockKey::kFooterOfVersion1, start); }

std::string GroupKey(Millis start, uint64_t number, uint32_t group) {
  std::string key = KeyOf(BlockKey::kGroup, start);
  PutBigEndian(number, 8, &key);
  PutBigEndian(group, 4, &key);
  return key;
}

std::string SeriesKeyOfVersion1(Millis start, SeriesId id) {
  std::string key = KeyOf(BlockKey::kSeriesOfVersion1, start);
  PutBigEndian(id, 4, &key);
  return key;
}

std::optional<BlockName> ParseFooterKey(std::string_view key) {
  if (key.empty()) return std::nullopt;
  const auto kind = static_cast<BlockKey>(key.front());
  const size_t size = kind == BlockKey::kFooter ? 17 : 9;
  if (key.size() != size) return std::nullopt;
  BlockName name;
  name.start = static_cast<Millis>(GetBigEndian(key.substr(1, 8)) ^ (uint64_t{1} << 63));
  if (kind == BlockKey::kFooter) name.number = GetBigEndian(key.substr(9));
  // No block reaches beyond the ends of time.
  if (name.start % kBlockMillis != 0 || name.start > INT64_MAX - kBlockMillis) return std::nullopt;
  return name;
}

std::string EncodeGroup(std::span<const BlockSeries> series) {
  std::string directory;
  std::string bodies;
  PutVarint64(&directory, series.size());
  SeriesId last = 0;
  for (const BlockSeries& one : series) {
    const size_t begin = bodies.size();
    PutChunks(one.chunks, &bodies);
    PutId(one.id, &last, &directory);
    PutVarint64(&directory, bodies.size() - begin);
  }
  return directory + bodies;
}

Result<std::vector<std::pair<SeriesId, std::string_view>>> ParseGroup(std::string_view body) {
  ByteReader in(body);
  std::vector<std::pair<SeriesId, uint64_t>> sizes(in.Count(in.remaining() / kMinSeriesBytes));
  int64_t last = 0;
  for (auto& [id, size] : sizes) {
    id = GetId(&in, &last);
    size = in.Varint();
  }
  std::vector<std::pair<SeriesId, std::string_view>> series;
  series.reserve(sizes.size());
  for (const auto& [id, size] : sizes) series.emplace_back(id, in.Bytes(size));
  TOCSIN_RETURN_IF_ERROR(in.Finish("samples of a block"));
  return series;
}

Result<std::vector<ChunkRef>> DecodeGroupSeries(std::string_view bytes) {
  ByteReader in(bytes);
  std::vector<ChunkRef> chunks = GetChunks(&in);
  TOCSIN_RETURN_IF_ERROR(in.Finish("samples of a block"));
  return chunks;
}

void FooterBuilder::Add(SeriesId id, const Labels* labels) {
  ++series_;
  PutId(id, &last_, &entries_);
  entries_.push_back(labels != nullptr ? '\1' : '\0');
  if (labels != nullptr) PutLabels(*labels, &entries_);
}

void FooterBuilder::Define(SeriesId id, const Labels& labels) {
  ++definitions_;
  PutVarint64(&definition_entries_, id);
  PutLabels(labels, &definition_entries_);
}

std::string FooterBuilder::Finish(const BlockTotals& totals) const {
  std::string out;
  PutVarint64(&out, totals.level);
  PutVarint64(&out, totals.samples);
  PutVarint64(&out, totals.chunks);
  PutVarint64(&out, series_);
  out += entries_;
  PutVarint64(&out, definitions_);
  out += definition_entries_;
  return out;
}

namespace {

/// Reads labels and tells them to `define`.
void GetDefinition(ByteReader* in, SeriesId id, const SeriesDefinition& define) {
  const Labels labels = GetLabels(in);
  if (!in->failed()) define(id, labels);
}

Result<Footer> ParseFooterOfVersion1(std::string_view body, const SeriesDefinition& define) {
  Footer footer;
  ByteReader in(body);
  footer.series.resize(in.Count(in.remaining() / kMinSeriesBytes));
  uint64_t id = 0;
  for (SeriesId& series : footer.series) {
    id += in.Varint();
    if (id == kNoSeries || id > UINT32_MAX) in.Fail();
    if (in.failed()) break;
    series = static_cast<SeriesId>(id);
    if (in.Byte() != 0) GetDefinition(&in, series, define);
  }
  TOCSIN_RETURN_IF_ERROR(in.Finish("the footer of a block"));
  return footer;
}

}  // namespace

Result<Footer> ParseFooter(BlockKey version, std::string_view body,
                           const SeriesDefinition& define) {
  if (version == BlockKey::kFooterOfVersion1) return ParseFooterOfVersion1(body, define);
  Footer footer;
  ByteReader in(body);
  footer.totals.level = static_cast<uint32_t>(in.Count(kMaxLevel));
  footer.totals.samples = in.Varint();
  footer.totals.chunks = in.Varint();
  footer.series.resize(in.Count(in.remaining() / kMinSeriesBytes));
  int64_t last = 0;
  for (SeriesId& series : footer.series) {
    series = GetId(&in, &last);
    if (in.failed()) break;
    if (in.Byte() != 0) GetDefinition(&in, series, define);
  }
  const size_t definitions = in.Count(in.remaining() / kMinSeriesBytes);
  for (size_t i = 0; i < definitions && !in.failed(); ++i) {
    const auto id = static_cast<SeriesId>(in.Count(UINT32_MAX));
    if (id == kNoSeries) in.Fail();
    GetDefinition(&in, id, define);
  }
  TOCSIN_RETURN_IF_ERROR(in.Finish("the footer of a block"));
  return footer;
}

}  // namespace tocsin::storage
