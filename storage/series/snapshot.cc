// Layout: sections, each a fixed32 size and a frame of that size. A section is a run of items, each
// begun by a byte that says what it is; items do not cross sections.
//
//     'h' header     log segment, next id, zigzag of the minimum time, next block; the first item
//     's' series     id, labels, chunks
//     'D' tombstone  as the sample log has it
//     'E' exemplar   series, zigzag of its time, value (8 bytes), labels
//     'Z' end        number of items before it; the last item of all
//
// The first version had 'H' without the block, and 'S' with chunks that have no kind.

#include "storage/series/snapshot.h"

#include <bit>
#include <utility>

#include "cpp/base/coding.h"
#include "storage/columnar/byte_reader.h"
#include "storage/columnar/frame.h"
#include "storage/series/chunk_codec.h"

namespace tocsin::storage {
namespace {

constexpr size_t kSectionBytes = size_t{1} << 20;
constexpr size_t kSizeBytes = 4;

enum Item : char {
  kHeader = 'h',
  kSeries = 's',
  kExemplar = 'E',
  kTombstone = 'D',
  kEnd = 'Z',
  kHeaderOfVersion1 = 'H',
  kSeriesOfVersion1 = 'S',
};

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
    const bool header = item == kHeader || item == kHeaderOfVersion1;
    if (ended_ || header != (items_ == 0)) {
      in->Fail();
      return;
    }
    switch (item) {
      case kHeader:
      case kHeaderOfVersion1:
        header_.log_segment = in->Varint();
        header_.next_id = GetId(in);
        header_.min_time = UnZigZag(in->Varint());
        if (item == kHeader) header_.next_block = in->Varint();
        if (!in->failed()) visitor_.header(header_);
        break;
      case kSeries:
      case kSeriesOfVersion1:
        ReadSeries(in, item);
        break;
      case kExemplar:
        ReadExemplar(in);
        break;
      case kTombstone: {
        Tombstone tombstone = GetTombstone(in);
        if (!in->failed()) visitor_.tombstone(std::move(tombstone));
        break;
      }
      case kEnd:
        ended_ = in->Varint() == items_;
        if (!ended_) in->Fail();
        break;
      default:
        in->Fail();
    }
    ++items_;
  }

  void ReadSeries(ByteReader* in, char item) {
    SnapshotSeries series;
    series.id = GetId(in);
    series.labels = GetLabels(in);
    series.chunks = item == kSeries ? GetChunks(in) : GetChunksOfVersion1(in);
    if (!in->failed()) visitor_.series(std::move(series));
  }

  void ReadExemplar(ByteReader* in) {
    const SeriesId series = GetId(in);
    Exemplar exemplar;
    exemplar.t = UnZigZag(in->Varint());
    exemplar.value = std::bit_cast<double>(GetFixed64(in));
    exemplar.labels = GetLabels(in);
    if (!in->failed()) visitor_.exemplar(series, std::move(exemplar));
  }

  const SnapshotVisitor& visitor_;
  SnapshotHeader header_;
  uint64_t items_ = 0;
  bool ended_ = false;
};

}  // namespace

SnapshotBuilder::SnapshotBuilder(const SnapshotHeader& header, Sink sink) : sink_(std::move(sink)) {
  BeginItem(kHeader);
  PutVarint64(&section_, header.log_segment);
  PutVarint64(&section_, header.next_id);
  PutVarint64(&section_, ZigZag(header.min_time));
  PutVarint64(&section_, header.next_block);
}

void SnapshotBuilder::BeginItem(char item) {
  if (section_.size() >= kSectionBytes) EndSection();
  section_.push_back(item);
  ++items_;
}

void SnapshotBuilder::EndSection() {
  const std::string frame = SealFrame(section_, Compression::kZstd);
  section_.clear();
  std::string size;
  PutFixed32(&size, static_cast<uint32_t>(frame.size()));
  if (status_.ok()) status_ = sink_(size);
  if (status_.ok()) status_ = sink_(frame);
}

void SnapshotBuilder::Add(const SnapshotSeries& series) {
  BeginItem(kSeries);
  PutVarint64(&section_, series.id);
  PutLabels(series.labels, &section_);
  PutChunks(series.chunks, &section_);
}

void SnapshotBuilder::Add(SeriesId series, const Exemplar& exemplar) {
  BeginItem(kExemplar);
  PutVarint64(&section_, series);
  PutVarint64(&section_, ZigZag(exemplar.t));
  const auto bits = std::bit_cast<uint64_t>(exemplar.value);
  PutFixed32(&section_, static_cast<uint32_t>(bits));
  PutFixed32(&section_, static_cast<uint32_t>(bits >> 32));
  PutLabels(exemplar.labels, &section_);
}

void SnapshotBuilder::Add(const Tombstone& tombstone) {
  BeginItem(kTombstone);
  PutTombstone(tombstone, &section_);
}

Status SnapshotBuilder::Finish() {
  const uint64_t items = items_;
  BeginItem(kEnd);
  PutVarint64(&section_, items);
  EndSection();
  return status_;
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
