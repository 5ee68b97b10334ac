#include "storage/series/verify.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "cpp/base/telemetry.h"
#include "storage/columnar/byte_reader.h"
#include "storage/columnar/frame.h"
#include "storage/series/block_format.h"
#include "storage/series/chunk_codec.h"
#include "storage/series/sample_log.h"
#include "storage/series/snapshot.h"
#include "storage/volume/files.h"
#include "storage/volume/volume.h"
#include "storage/volume/write_log.h"

namespace tocsin::storage {
namespace {

// A sentence on the bytes of a segment that are not whole records.
std::string DescribeLoss(const SampleLog::SegmentCheck& segment) {
  std::string what = std::to_string(segment.bytes - segment.sound_bytes) + " of " +
                     std::to_string(segment.bytes) + " bytes are not whole records";
  if (!segment.damaged) return what + ": the end of a write that was cut short";
  if (segment.unknown == 0) return what;
  return what + "; " + std::to_string(segment.unknown) + " samples build on what is lost there";
}

class Examiner {
 public:
  explicit Examiner(std::string directory) : directory_(std::move(directory)) {}

  Result<SeriesDiagnosis> Run() {
    TOCSIN_RETURN_IF_ERROR(ExamineLog());
    TOCSIN_RETURN_IF_ERROR(ExamineSnapshot());
    const Result<std::vector<std::string>> volumes = ListDirectory(directory_ + "/blocks");
    if (!volumes.has_value()) {
      if (volumes.error().code() == StatusCode::kNotFound) return std::move(found_);
      return Failure(volumes.error());
    }
    for (const std::string& name : *volumes) {
      if (name.find('_') != std::string::npos) ExamineVolume(name);
    }
    return std::move(found_);
  }

 private:
  void Damage(const std::string& where, std::string_view what) {
    found_.findings.push_back({true, "series/" + where, std::string(what)});
  }

  Status ExamineLog() {
    const Result<std::vector<SampleLog::SegmentCheck>> segments =
        SampleLog::Check(directory_ + "/log");
    if (!segments.has_value()) {
      return segments.error().code() == StatusCode::kNotFound ? Status() : segments.error();
    }
    for (const SampleLog::SegmentCheck& segment : *segments) {
      ++found_.log_segments;
      found_.log_samples += segment.samples;
      if (segment.sound_bytes == segment.bytes) continue;
      found_.findings.push_back(
          {segment.damaged, "series/log/" + segment.file, DescribeLoss(segment)});
    }
    return {};
  }

  Status ExamineSnapshot() {
    const Result<std::string> bytes = ReadFile(directory_ + "/head.snapshot");
    if (!bytes.has_value()) {
      return bytes.error().code() == StatusCode::kNotFound ? Status() : bytes.error();
    }
    SnapshotVisitor visitor;
    Status damage;
    visitor.series = [&](const SnapshotSeries& series) {
      ++found_.snapshot_series;
      for (const ChunkRef& chunk : series.chunks) {
        if (const Status status = CheckChunk(chunk); damage.ok()) damage = status;
      }
    };
    visitor.header = [](const SnapshotHeader&) {};
    visitor.exemplar = [](SeriesId, const Exemplar&) {};
    visitor.tombstone = [](const Tombstone&) {};
    const Result<SnapshotHeader> header = ReadSnapshot(*bytes, visitor);
    if (!header.has_value()) damage = header.error();
    if (!damage.ok()) Damage("head.snapshot", damage.message());
    return {};
  }

  void ExamineVolume(const std::string& name) {
    ++found_.volumes;
    const std::string where = "blocks/" + name;
    if (const auto logs = CheckWriteLogs(directory_ + "/" + where); logs.has_value()) {
      for (const Finding& finding : *logs) {
        found_.findings.push_back(
            {finding.damage, "series/" + where + "/" + finding.where, finding.what});
      }
    }
    const Result<std::unique_ptr<Volume>> volume = Volume::Open(
        directory_ + "/" + where, {.create = false, .read_only = true}, Telemetry::None());
    if (!volume.has_value()) return Damage(where, volume.error().message());
    const Status scanned = (*volume)->Scan({}, [&](std::string_view key, std::string_view value) {
      if (const Status sound = CheckEntry(key, value); !sound.ok()) {
        Damage(where, sound.message());
      }
      return true;
    });
    if (!scanned.ok()) Damage(where, scanned.message());
  }

  Status CheckEntry(std::string_view key, std::string_view value) {
    TOCSIN_ASSIGN_OR_RETURN(const std::string body, OpenFrame(value));
    if (key.empty()) return CorruptionError("an entry has no key");
    switch (static_cast<BlockKey>(key.front())) {
      case BlockKey::kFooter:
      case BlockKey::kFooterOfVersion1: {
        if (!ParseFooterKey(key).has_value()) return CorruptionError("a footer has a bad key");
        const auto footer =
            ParseFooter(static_cast<BlockKey>(key.front()), body, [](SeriesId, const Labels&) {});
        if (!footer.has_value()) return footer.error();
        ++found_.blocks;
        return {};
      }
      case BlockKey::kGroup: {
        TOCSIN_ASSIGN_OR_RETURN(const auto series, ParseGroup(body));
        for (const auto& [id, bytes] : series) {
          TOCSIN_ASSIGN_OR_RETURN(const std::vector<ChunkRef> chunks, DecodeGroupSeries(bytes));
          TOCSIN_RETURN_IF_ERROR(CheckBlockChunks(chunks));
        }
        return {};
      }
      case BlockKey::kSeriesOfVersion1: {
        ByteReader in(body);
        const std::vector<ChunkRef> chunks = GetChunksOfVersion1(&in);
        TOCSIN_RETURN_IF_ERROR(in.Finish("samples of a block"));
        return CheckBlockChunks(chunks);
      }
    }
    return CorruptionError("an entry has an unknown key");
  }

  Status CheckBlockChunks(const std::vector<ChunkRef>& chunks) {
    for (const ChunkRef& chunk : chunks) {
      TOCSIN_RETURN_IF_ERROR(CheckChunk(chunk));
      found_.block_samples += chunk.count;
    }
    return {};
  }

  static Status CheckChunk(const ChunkRef& chunk) {
    SeriesSamples samples;
    return ReadChunk(chunk, {}, &samples);
  }

  const std::string directory_;
  SeriesDiagnosis found_;
};

}  // namespace

Result<SeriesDiagnosis> DiagnoseSeries(const std::string& directory) {
  return Examiner(directory).Run();
}

}  // namespace tocsin::storage
