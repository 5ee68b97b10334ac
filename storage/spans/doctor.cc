#include "storage/spans/doctor.h"

#include <algorithm>
#include <utility>

#include "storage/columnar/batch_codec.h"
#include "storage/columnar/column_cache.h"
#include "storage/spans/live_log.h"
#include "storage/spans/log_format.h"
#include "storage/spans/merge_record.h"
#include "storage/spans/pins.h"
#include "storage/spans/segment.h"
#include "storage/spans/segment_marks.h"
#include "storage/spans/trace_index.h"
#include "storage/volume/files.h"
#include "storage/volume/volume.h"
#include "storage/volume/write_log.h"

namespace tocsin::storage {
namespace {

class Doctor {
 public:
  explicit Doctor(std::string path) : path_(std::move(path)) {}

  Result<SpanDiagnosis> Diagnose() {
    TOCSIN_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(path_));
    const auto has = [&](std::string_view name) { return std::ranges::count(names, name) > 0; };
    if (has("log")) TOCSIN_RETURN_IF_ERROR(LookAtLog());
    if (has("volumes")) TOCSIN_RETURN_IF_ERROR(LookAtVolumes());
    Pins pins;
    if (const Status loaded = pins.Load(path_ + "/pins"); !loaded.ok()) {
      Damage("spans/pins", loaded.message());
    }
    return std::move(diagnosis_);
  }

 private:
  void Damage(std::string where, std::string_view what) {
    diagnosis_.findings.push_back({true, std::move(where), std::string(what)});
  }
  void Note(std::string where, std::string_view what) {
    diagnosis_.findings.push_back({false, std::move(where), std::string(what)});
  }

  Status LookAtLog() {
    TOCSIN_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(path_ + "/log"));
    std::string newest;
    for (const std::string& name : names) {
      if (name.ends_with(".log")) newest = name;
    }
    LogPosition last = 0;
    for (const std::string& name : names) {
      const std::string where = "spans/log/" + name;
      const Result<std::string> bytes = ReadFile(path_ + "/log/" + name);
      if (!bytes.has_value()) {
        Damage(where, bytes.error().message());
      } else if (name.ends_with(".log")) {
        LookAtLogFile(where, *bytes, name == newest, &last);
      } else if (name.ends_with(".requests")) {
        const auto requests = DecodeRecentRequests(*bytes);
        if (!requests.has_value()) Damage(where, requests.error().message());
      } else {
        Note(where, "a left-over file, removed at the next start");
      }
    }
    return {};
  }

  void LookAtLogFile(const std::string& where, std::string_view bytes, bool newest,
                     LogPosition* last) {
    if (const auto first = DecodeLogHeader(bytes); !first.has_value()) {
      if (newest && bytes.size() < kLogHeaderBytes) {
        Note(where, "its header was not finished before the process ended");
      } else {
        Damage(where, first.error().message());
      }
    }
    size_t at = std::min(bytes.size(), kLogHeaderBytes);
    size_t damaged_from = SIZE_MAX;
    while (at < bytes.size()) {
      const auto parsed = ParseLogRecord(bytes.substr(at), *last);
      if (!parsed) {
        if (damaged_from == SIZE_MAX) damaged_from = at;
        ++at;
        continue;
      }
      if (damaged_from != SIZE_MAX) {
        Damage(where + " at byte " + std::to_string(damaged_from),
               std::to_string(at - damaged_from) + " bytes are no records");
        damaged_from = SIZE_MAX;
      }
      *last = parsed->record.position;
      ++diagnosis_.log_records;
      if (const auto batch = DecodeBatch(parsed->record.payload); !batch.has_value()) {
        Damage(where + " at byte " + std::to_string(at),
               "record " + std::to_string(*last) + ": " + std::string(batch.error().message()));
      }
      at += parsed->bytes;
    }
    if (damaged_from == SIZE_MAX) return;
    const std::string tail = std::to_string(bytes.size() - damaged_from) + " bytes at the end ";
    const std::string place = where + " at byte " + std::to_string(damaged_from);
    if (newest) {
      Note(place, tail + "are the torn tail of a process that was killed");
    } else {
      Damage(place, tail + "are no records");
    }
  }

  Status LookAtVolumes() {
    TOCSIN_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                            ListDirectory(path_ + "/volumes"));
    for (const std::string& name : names) {
      const std::string where = "spans/volumes/" + name;
      if (name.find_first_not_of("0123456789") != std::string::npos) {
        Note(where, "no volume");
        continue;
      }
      ++diagnosis_.volumes;
      LookAtWriteLogs(name, where);
      Volume::Options options;
      options.create = false;
      options.read_only = true;
      auto volume = Volume::Open(path_ + "/volumes/" + name, options, Telemetry::None());
      if (!volume.has_value()) {
        Damage(where, volume.error().message());
      } else {
        LookAtVolume(where, std::shared_ptr<const Volume>(*std::move(volume)));
      }
    }
    return {};
  }

  // A segment that was written last may be in LevelDB's log alone, whose damage opening would hide.
  void LookAtWriteLogs(const std::string& name, const std::string& where) {
    const auto findings = CheckWriteLogs(path_ + "/volumes/" + name);
    if (!findings.has_value()) return Damage(where, findings.error().message());
    for (const Finding& finding : *findings) {
      diagnosis_.findings.push_back({finding.damage, where + "/" + finding.where, finding.what});
    }
  }

  void LookAtVolume(const std::string& where, const std::shared_ptr<const Volume>& volume) {
    std::vector<uint64_t> replaced;
    const Status records = volume->Scan("m", [&](std::string_view key, std::string_view value) {
      const auto merged = DecodeMerged(key, value);
      if (!merged.has_value()) {
        Damage(where, merged.error().message());
      } else {
        replaced.insert(replaced.end(), merged->replaced.begin(), merged->replaced.end());
      }
      return true;
    });
    if (!records.ok()) Damage(where, records.message());
    TraceIndex index(diagnosis_.volumes);  // Its pages share a cache with those of others.
    if (const Status loaded = index.Load(*volume); !loaded.ok()) Damage(where, loaded.message());
    std::vector<uint64_t> numbers;
    const Status read = ForEachSegment(
        *volume, [&](uint64_t number, const Result<SegmentStub>& stub, std::string_view) {
          if (std::ranges::count(replaced, number) > 0) return;
          if (stub.has_value()) {
            numbers.push_back(number);
          } else {
            Damage(where, stub.error().message());
          }
        });
    if (!read.ok()) Damage(where, read.message());
    for (const uint64_t number : numbers) {
      const Status whole = LookAtSegment(volume, number, index);
      if (!whole.ok()) Damage(where, whole.message());
    }
  }

  Status LookAtSegment(const std::shared_ptr<const Volume>& volume, uint64_t number,
                       const TraceIndex& index) {
    const std::string context = "segment " + std::to_string(number);
    const auto cache = std::make_shared<ColumnCache>(0);
    TOCSIN_ASSIGN_OR_RETURN(const auto reader, SegmentReader::Open(volume, number, cache));
    // Every column takes part in its rows.
    TOCSIN_ASSIGN_OR_RETURN(const SpanBatch rows, reader->ReadRows(0, reader->rows()));
    ++diagnosis_.segments;
    diagnosis_.spans += rows.rows();
    const SegmentStub& stub = reader->stub();
    for (uint32_t row = 0; row < rows.rows(); ++row) {
      if (rows.start[row] < stub.min_start || rows.start[row] > stub.max_end ||
          rows.end[row] > stub.max_end) {
        return CorruptionError(context + ": a span lies outside of the segment's time");
      }
    }
    TOCSIN_RETURN_IF_ERROR(reader->CheckShortcuts(rows));
    const Result<std::string> deleted = volume->Get(DeletedKey(number));
    if (deleted.has_value()) {
      const auto bitmap = DecodeDeleted(*deleted, reader->rows());
      if (!bitmap.has_value()) return bitmap.error().WithContext(context);
    }
    const Result<std::string> split = volume->Get(SplitKey(number));
    if (split.has_value()) {
      const auto ids = DecodeSplit(*split);
      if (!ids.has_value()) return ids.error().WithContext(context);
    }
    if (index.Covers(number)) return LookUp(*reader, *volume, index, number);
    return {};
  }

  // The index must find each trace of the segment.
  Status LookUp(const SegmentReader& reader, const Volume& volume, const TraceIndex& index,
                uint64_t number) {
    TOCSIN_ASSIGN_OR_RETURN(const auto traces, reader.Traces());
    std::vector<bool> found(traces.size(), false);
    TOCSIN_RETURN_IF_ERROR(
        index.Find(traces, volume, index_pages_, [&](size_t i, uint64_t segment) {
          if (segment == number) found[i] = true;
        }));
    if (std::ranges::count(found, false) == 0) return {};
    return CorruptionError("segment " + std::to_string(number) +
                           ": the trace index does not have all of its traces");
  }

  const std::string path_;
  ColumnCache index_pages_{size_t{16} << 20};
  SpanDiagnosis diagnosis_;
};

}  // namespace

Result<SpanDiagnosis> DiagnoseSpans(const std::string& path) { return Doctor(path).Diagnose(); }

}  // namespace tocsin::storage
