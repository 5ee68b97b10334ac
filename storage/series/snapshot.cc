// Layout: sections, each a fixed32 size and a frame of that size. A section is a run of items, each
// begun by a byte that says what it is; items do not cross sections.
//
//     'H' header     log segment, next id, zigzag of the minimum time; the first item of all
//     'S' series     id, labels, chunks
//     'E' exemplar   series, zigzag of its time, value (8 bytes), labels
//     'Z' end        number of items before it; the last item of all

#include "storage/series/snapshot.h"

#include <bit>

#include "cpp/base/coding.h"
#include "storage/columnar/byte_reader.h"
#include "storage/columnar/frame.h"
#include "storage/series/chunk_codec.h"

namespace tocsin::storage {
namespace {

constexpr size_t kSectionBytes = size_t{1} << 20;
constexpr size_t kSizeBytes = 4;

enum Item : char { kHeader = 'H', kSeries = 'S', kExemplar = 'E', kEnd = 'Z' };

SeriesId GetId(ByteReader* in) {
  const auto id = static_cast<SeriesId>(in->Count(UINT32_MAX));
  return id != kNoSeries ? id : in->Fail();
}

uint64_t GetFixed64(ByteReader* in) {
  const uint64_t low = in->Fixed32();
  return low | uint64_t{in->Fixed32()} << 32;
}

/// Reads the items of the sections, in order.
class SnapshotReader {
 public:
  explicit SnapshotReader(const SnapshotVisitor& visitor) : visitor_(visitor) {}

  Status ReadSection(std::string_view body) {
    ByteReader in(body);
    while (in.remaining() > 0) ReadItem(&in);
    return in.Finish("head snapshot");
  }
  /// Whether the items end as they must.
  bool ended() const { return ended_; }
  const SnapshotHeader& header() const { return header_; }

 private:
  void ReadItem(ByteReader* in) {
    const auto item = static_cast<char>(in->Byte());
    if (ended_ || (item == kHeader) != (items_ == 0)) {
      in->Fail();
      return;
    }
    if (item == kHeader) {
      header_.log_segment = in->Varint();
      header_.next_id = GetId(in);
      header_.min_time = UnZigZag(in->Varint());
    } else if (item == kSeries) {
      SnapshotSeries series;
      series.id = GetId(in);
      series.labels = GetLabels(in);
      series.chunks = GetChunks(in);
      if (!in->failed()) visitor_.series(std::move(series));
    } else if (item == kExemplar) {
      const SeriesId series = GetId(in);
      Exemplar exemplar;
      exemplar.t = UnZigZag(in->Varint());
      exemplar.value = std::bit_cast<double>(GetFixed64(in));
      exemplar.labels = GetLabels(in);
      if (!in->failed()) visitor_.exemplar(series, std::move(exemplar));
    } else if (item == kEnd && in->Varint() == items_) {
      ended_ = true;
    } else {
      in->Fail();
    }
    ++items_;
  }

  const SnapshotVisitor& visitor_;
  SnapshotHeader header_;
  uint64_t items_ = 0;
  bool ended_ = false;
};

}  // namespace

SnapshotBuilder::SnapshotBuilder(const SnapshotHeader& header) {
  section_.push_back(kHeader);
  PutVarint64(&section_, header.log_segment);
  PutVarint64(&section_, header.next_id);
  PutVarint64(&section_, ZigZag(header.min_time));
  ++items_;
}

void SnapshotBuilder::EndSection() {
  const std::string frame = SealFrame(section_, Compression::kZstd);
  PutFixed32(&out_, static_cast<uint32_t>(frame.size()));
  out_ += frame;
  section_.clear();
}

void SnapshotBuilder::Add(const SnapshotSeries& series) {
  if (section_.size() >= kSectionBytes) EndSection();
  section_.push_back(kSeries);
  PutVarint64(&section_, series.id);
  PutLabels(series.labels, &section_);
  PutChunks(series.chunks, &section_);
  ++items_;
}

void SnapshotBuilder::Add(SeriesId series, const Exemplar& exemplar) {
  if (section_.size() >= kSectionBytes) EndSection();
  section_.push_back(kExemplar);
  PutVarint64(&section_, series);
  PutVarint64(&section_, ZigZag(exemplar.t));
  const auto bits = std::bit_cast<uint64_t>(exemplar.value);
  PutFixed32(&section_, static_cast<uint32_t>(bits));
  PutFixed32(&section_, static_cast<uint32_t>(bits >> 32));
  PutLabels(exemplar.labels, &section_);
  ++items_;
}

std::string SnapshotBuilder::Finish() && {
  section_.push_back(kEnd);
  PutVarint64(&section_, items_);
  EndSection();
  return std::move(out_);
}

Result<SnapshotHeader> ReadSnapshot(std::string_view bytes, const SnapshotVisitor& visitor) {
  SnapshotReader reader(visitor);
  ByteReader in(bytes);
  while (in.remaining() >= kSizeBytes) {
    const std::string_view frame = in.Bytes(in.Fixed32());
    if (in.failed()) break;
    TOCSIN_ASSIGN_OR_RETURN(const std::string body, OpenFrame(frame));
    TOCSIN_RETURN_IF_ERROR(reader.ReadSection(body));
  }
  TOCSIN_RETURN_IF_ERROR(in.Finish("head snapshot"));
  if (!reader.ended()) return CorruptionError("head snapshot is cut short");
  return reader.header();
}

}  // namespace tocsin::storage
