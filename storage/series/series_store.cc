#include "storage/series/series_store.h"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <utility>

#include "cpp/base/check.h"
#include "cpp/base/log.h"
#include "storage/series/snapshot.h"
#include "storage/volume/files.h"

namespace tocsin::storage {

using promql::Matcher;

namespace {

constexpr Millis kNanosPerMilli = kMillisecond;
// The head keeps a block for an hour after its end: writers may lag behind one another.
constexpr Millis kBlockDelay = kBlockMillis / 2;
// A snapshot is due when the log behind the last one is as large as it was, and at least this.
constexpr uint64_t kMinSnapshotLogBytes = uint64_t{4} << 20;
// With a bound on bytes, a volume is at most this part of it.
constexpr uint64_t kVolumesInBound = 32;
constexpr uint64_t kMinVolumeBytes = uint64_t{4} << 20;
// And the log that is kept for readers is at most this part.
constexpr uint64_t kLogsInBound = 4;
// No sample is earlier: keeps arithmetic on times from overflowing.
constexpr Millis kMinTime = INT64_MIN / 4;

std::string SnapshotPath(const SeriesStoreOptions& options) {
  return options.directory + "/head.snapshot";
}

}  // namespace

/// The names are Prometheus's, so that its dashboards show this store.
struct SeriesStore::Metrics {
  explicit Metrics(Telemetry& t)
      : samples(t.GetCounter("prometheus_tsdb_head_samples_appended_total",
                             "Samples appended to the head.")),
        out_of_order(t.GetCounter("prometheus_tsdb_out_of_order_samples_total",
                                  "Samples dropped because their series has a newer one.")),
        out_of_bounds(t.GetCounter("prometheus_tsdb_out_of_bound_samples_total",
                                   "Samples dropped because of a time that is too old or ahead.")),
        limited(t.GetCounter("tocsin_series_limited_samples_total",
                             "Samples dropped because of the bound on series.")),
        exemplars(t.GetCounter("prometheus_tsdb_exemplar_exemplars_appended_total",
                               "Exemplars appended.")),
        exemplars_dropped(t.GetCounter("prometheus_tsdb_exemplar_out_of_order_exemplars_total",
                                       "Exemplars dropped: out of order, or too large.")),
        series(t.GetGauge("prometheus_tsdb_head_series", "Series known.")),
        blocks(t.GetGauge("prometheus_tsdb_blocks_loaded", "Blocks of two hours.")),
        block_bytes(t.GetGauge("prometheus_tsdb_storage_blocks_bytes", "Bytes of all blocks.")),
        log_bytes(t.GetGauge("prometheus_tsdb_wal_storage_size_bytes",
                             "Bytes of the sample log and the head snapshot.")) {}

  Counter& samples;
  Counter& out_of_order;
  Counter& out_of_bounds;
  Counter& limited;
  Counter& exemplars;
  Counter& exemplars_dropped;
  Gauge& series;
  Gauge& blocks;
  Gauge& block_bytes;
  Gauge& log_bytes;
};

SeriesStore::SeriesStore(SeriesStoreOptions options)
    : options_(std::move(options)),
      metrics_(std::make_unique<Metrics>(*options_.telemetry)),
      exemplars_(options_.max_exemplars) {}

SeriesStore::~SeriesStore() = default;

// Recovery.

Result<std::unique_ptr<SeriesStore>> SeriesStore::Open(SeriesStoreOptions options) {
  TOCSIN_RETURN_IF_ERROR(MakeDirectory(options.directory));
  std::unique_ptr<SeriesStore> store(new SeriesStore(std::move(options)));
  TOCSIN_RETURN_IF_ERROR(store->Recover());
  return store;
}

SeriesStore::Series& SeriesStore::SeriesOf(SeriesId id) {
  if (series_.size() <= id) series_.resize(id + size_t{1});
  return series_[id];
}

void SeriesStore::Define(SeriesId id, const Labels& labels) {
  if (!index_.Knows(id) && index_.Find(labels) == kNoSeries) index_.Add(id, labels);
  next_id_ = std::max(next_id_, id + 1);
  static_cast<void>(SeriesOf(id));
}

Status SeriesStore::Recover() {
  std::vector<SeriesId> listed;
  BlockStore::Options block_options;
  block_options.directory = options_.directory + "/blocks";
  block_options.telemetry = options_.telemetry;
  if (options_.max_bytes > 0) {
    block_options.volume_bytes = std::max(options_.max_bytes / kVolumesInBound, kMinVolumeBytes);
  }
  TOCSIN_ASSIGN_OR_RETURN(blocks_,
                          BlockStore::Open(block_options, [&](SeriesId id, const Labels& labels) {
                            Define(id, labels);
                            listed.push_back(id);
                          }));
  min_time_ = kMinTime;
  if (!blocks_->blocks().empty()) min_time_ = blocks_->blocks().back()->end();
  TOCSIN_RETURN_IF_ERROR(LoadSnapshot(&snapshot_segment_, &listed));

  SampleLog::Options log_options;
  log_options.directory = options_.directory + "/log";
  log_options.sync_always = options_.sync_always;
  log_options.clock = options_.clock;
  TOCSIN_ASSIGN_OR_RETURN(
      log_, SampleLog::Open(log_options, snapshot_segment_,
                            [&](SampleLogRecord&& record) { Replay(std::move(record), &listed); }));
  std::erase_if(listed, [this](SeriesId id) { return !index_.Knows(id); });
  index_.List(listed);
  head_changed_ = true;
  UpdateGauges();
  return {};
}

Status SeriesStore::LoadSnapshot(uint64_t* log_segment, std::vector<SeriesId>* listed) {
  const std::string path = SnapshotPath(options_);
  const Result<std::string> bytes = ReadFile(path);
  if (!bytes.has_value()) {
    return bytes.error().code() == StatusCode::kNotFound ? Status() : bytes.error();
  }
  snapshot_bytes_ = bytes->size();
  Status damage;
  SnapshotVisitor visitor;
  visitor.exemplar = [&](SeriesId id, Exemplar&& exemplar) { exemplars_.Add(id, exemplar); };
  visitor.series = [&](SnapshotSeries&& found) {
    Define(found.id, found.labels);
    listed->push_back(found.id);
    std::erase_if(found.chunks, [&](const ChunkRef& chunk) { return chunk.last_t < min_time_; });
    if (found.chunks.empty()) return;
    Series& series = SeriesOf(found.id);
    series.last_t = found.chunks.back().last_t;
    max_time_ = std::max(max_time_, series.last_t);
    if (!series.head.empty()) return;
    if (Status restored = series.head.Restore(std::move(found.chunks)); !restored.ok()) {
      damage = restored;
    }
  };
  const Result<SnapshotHeader> header = ReadSnapshot(*bytes, visitor);
  if (!header.has_value()) damage = header.error();
  if (!damage.ok()) {
    // What could be read stays, and so does the file, for whoever wants to look at it.
    log::Error("series store: the head snapshot is damaged",
               {{"path", path}, {"reason", damage.message()}});
    if (const auto kept = WriteFileAtomically(path + ".damaged", *bytes); !kept.ok()) return kept;
    return RemoveFile(path);
  }
  *log_segment = header->log_segment;
  next_id_ = std::max(next_id_, header->next_id);
  min_time_ = std::max(min_time_, header->min_time);
  return {};
}

void SeriesStore::Replay(SampleLogRecord&& record, std::vector<SeriesId>* listed) {
  for (const auto& [id, labels] : record.definitions) {
    Define(id, labels);
    listed->push_back(id);
  }
  for (const RefSample& sample : record.samples) {
    Series& series = SeriesOf(static_cast<SeriesId>(sample.series));
    const Millis t = sample.sample.t;
    if (t < min_time_ || t <= series.last_t) continue;
    series.head.Append(sample.sample);
    series.last_t = t;
    max_time_ = std::max(max_time_, t);
  }
  for (const RefExemplar& exemplar : record.exemplars) {
    exemplars_.Add(static_cast<SeriesId>(exemplar.series), exemplar.exemplar);
  }
}

// Writing.

SeriesRef SeriesStore::Ref(const Labels& labels) {
  {
    const std::shared_lock lock(mutex_);
    if (const SeriesId id = index_.Find(labels); id != kNoSeries) return id;
  }
  const std::unique_lock lock(mutex_);
  if (const SeriesId id = index_.Find(labels); id != kNoSeries) return id;
  if (index_.known() >= options_.max_series || next_id_ == UINT32_MAX) return kNoSeries;
  const SeriesId id = next_id_++;
  index_.Add(id, labels);
  static_cast<void>(SeriesOf(id));
  return id;
}

Labels SeriesStore::LabelsOf(SeriesRef series) const {
  const std::shared_lock lock(mutex_);
  if (series > UINT32_MAX || !index_.Knows(static_cast<SeriesId>(series))) return {};
  return index_.LabelsOf(static_cast<SeriesId>(series));
}

Result<SeriesStore::Judged> SeriesStore::Judge(std::span<const RefSample> samples,
                                               std::span<const RefExemplar> exemplars) {
  const std::shared_lock lock(mutex_);
  const Millis latest = (options_.clock->Now() + kMaxAhead) / kNanosPerMilli;
  ++append_number_;
  Judged out;
  out.samples.reserve(samples.size());
  const auto known = [this](SeriesRef ref) {
    return ref == kNoSeries || (ref < series_.size() && index_.Knows(static_cast<SeriesId>(ref)));
  };
  for (const RefSample& sample : samples) {
    if (!known(sample.series)) return InvalidArgumentError("append: no such series");
    const Millis t = sample.sample.t;
    if (sample.series == kNoSeries) {
      ++out.dropped.samples_limited;
      continue;
    }
    Series& series = series_[sample.series];
    const Millis last = series.judged_in == append_number_ ? series.judged_t : series.last_t;
    if (t <= last) {
      ++out.dropped.samples_out_of_order;
    } else if (t < min_time_ || t > latest) {
      ++out.dropped.samples_out_of_bounds;
    } else {
      series.judged_t = t;
      series.judged_in = append_number_;
      out.samples.push_back(sample);
    }
  }
  for (const RefExemplar& exemplar : exemplars) {
    if (!known(exemplar.series)) return InvalidArgumentError("append: no such series");
    if (exemplar.series == kNoSeries) continue;
    switch (exemplars_.Judge(static_cast<SeriesId>(exemplar.series), exemplar.exemplar)) {
      case ExemplarRing::Verdict::kNew:
        out.exemplars.push_back(exemplar);
        break;
      case ExemplarRing::Verdict::kDuplicate:
        break;
      case ExemplarRing::Verdict::kOutOfOrder:
      case ExemplarRing::Verdict::kTooLarge:
        ++out.dropped.exemplars_dropped;
        break;
    }
  }
  return out;
}

void SeriesStore::Apply(const Judged& judged) {
  const std::unique_lock lock(mutex_);
  std::vector<SeriesId> fresh;
  const auto list = [&](SeriesRef ref) {
    const auto id = static_cast<SeriesId>(ref);
    if (!index_.Listed(id)) fresh.push_back(id);
  };
  for (const RefSample& sample : judged.samples) {
    Series& series = series_[sample.series];
    if (series.last_t == INT64_MIN) list(sample.series);
    series.head.Append(sample.sample);
    series.last_t = sample.sample.t;
    max_time_ = std::max(max_time_, series.last_t);
  }
  for (const RefExemplar& exemplar : judged.exemplars) {
    list(exemplar.series);
    exemplars_.Add(static_cast<SeriesId>(exemplar.series), exemplar.exemplar);
  }
  index_.List(fresh);
  stats_.samples_appended += judged.samples.size();
  stats_.exemplars_appended += judged.exemplars.size();
  stats_.samples_out_of_order += judged.dropped.samples_out_of_order;
  stats_.samples_out_of_bounds += judged.dropped.samples_out_of_bounds;
  stats_.samples_limited += judged.dropped.samples_limited;
  stats_.exemplars_dropped += judged.dropped.exemplars_dropped;
}

Result<AppendOutcome> SeriesStore::Append(const SampleBatch& batch) {
  const std::lock_guard append_lock(append_mutex_);
  TOCSIN_ASSIGN_OR_RETURN(const Judged judged, Judge(batch.samples, batch.exemplars));
  const bool any = !judged.samples.empty() || !judged.exemplars.empty();
  if (any) {
    TOCSIN_RETURN_IF_ERROR(log_->Append(judged.samples, judged.exemplars,
                                        [this](SeriesId id) { return LabelsOf(id); }));
    head_changed_ = true;
  }
  Apply(judged);
  const auto count = [](Counter& counter, uint64_t by) {
    if (by > 0) counter.Add(static_cast<double>(by));
  };
  count(metrics_->samples, judged.samples.size());
  count(metrics_->exemplars, judged.exemplars.size());
  count(metrics_->out_of_order, judged.dropped.samples_out_of_order);
  count(metrics_->out_of_bounds, judged.dropped.samples_out_of_bounds);
  count(metrics_->limited, judged.dropped.samples_limited);
  count(metrics_->exemplars_dropped, judged.dropped.exemplars_dropped);
  for (SampleListener* listener : listeners_) {
    if (any) {
      listener->OnAppend({.samples = judged.samples, .exemplars = judged.exemplars}, *this);
    }
  }
  AppendOutcome outcome;
  outcome.samples = judged.samples.size();
  outcome.exemplars = judged.exemplars.size();
  outcome.out_of_order = judged.dropped.samples_out_of_order;
  outcome.out_of_bounds = judged.dropped.samples_out_of_bounds;
  outcome.limited = judged.dropped.samples_limited;
  outcome.exemplars_rejected = judged.dropped.exemplars_dropped;
  return outcome;
}

void SeriesStore::SetMetadata(std::span<const MetricMetadata> metadata) {
  const std::unique_lock lock(mutex_);
  for (const MetricMetadata& entry : metadata) metadata_.insert_or_assign(entry.family, entry);
}

std::optional<MetricMetadata> SeriesStore::MetadataOf(std::string_view family) const {
  const std::shared_lock lock(mutex_);
  const auto found = metadata_.find(family);
  return found == metadata_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<MetricMetadata> SeriesStore::AllMetadata() const {
  const std::shared_lock lock(mutex_);
  std::vector<MetricMetadata> all;
  for (const auto& [family, entry] : metadata_) all.push_back(entry);
  return all;
}

void SeriesStore::AddListener(SampleListener* listener) {
  const std::lock_guard lock(append_mutex_);
  listeners_.push_back(listener);
}

void SeriesStore::RemoveListener(SampleListener* listener) {
  const std::lock_guard lock(append_mutex_);
  std::erase(listeners_, listener);
}

std::unique_ptr<SampleReader> SeriesStore::OpenReader(const std::optional<LogPosition>& from) {
  return log_->NewReader(from, [this](SeriesId id, const Labels& labels) {
    {
      const std::shared_lock lock(mutex_);
      if (index_.Knows(id)) return;
    }
    // Of a segment that is kept for readers only, and no longer in head or blocks.
    const std::unique_lock lock(mutex_);
    Define(id, labels);
  });
}

// Reading.

bool SeriesStore::MayHaveSamples(SeriesId id, Millis from, Millis to) const {
  const HeadSeries& head = series_[id].head;
  if (!head.empty() && head.first_t() <= to && series_[id].last_t >= from) return true;
  return std::ranges::any_of(blocks_->blocks(), [&](const auto& block) {
    return block->start() <= to && block->end() > from && block->series().Has(id);
  });
}

SeriesStore::Plan SeriesStore::MakePlan(std::span<const Matcher> matchers, Millis from,
                                        Millis to) const {
  Plan plan;
  const std::shared_lock lock(mutex_);
  for (const auto& block : blocks_->blocks()) {
    if (block->start() <= to && block->end() > from) plan.blocks.push_back(block);
  }
  for (const SeriesId id : index_.Match(matchers)) {
    const size_t chunks = plan.chunks.size();
    series_[id].head.Collect(from, to, &plan.chunks);
    const bool found =
        plan.chunks.size() > chunks || std::ranges::any_of(plan.blocks, [id](const auto& block) {
          return block->series().Has(id);
        });
    if (found) plan.items.push_back({id, index_.LabelsOf(id), plan.chunks.size()});
  }
  return plan;
}

Status SeriesStore::Visit(std::span<const Matcher> matchers, Millis from, Millis to,
                          const Visitor& visitor) const {
  Plan plan = MakePlan(matchers, from, to);
  size_t chunk = 0;
  for (Plan::Item& item : plan.items) {
    promql::SeriesData data;
    size_t samples = 0;
    for (size_t i = chunk; i < item.chunks_end; ++i) samples += plan.chunks[i].count;
    data.samples.reserve(samples);
    for (const auto& block : plan.blocks) {
      TOCSIN_RETURN_IF_ERROR(block->Read(item.id, from, to, &data.samples));
    }
    for (; chunk < item.chunks_end; ++chunk) {
      const ChunkRef& ref = plan.chunks[chunk];
      TOCSIN_RETURN_IF_ERROR(DecodeChunk(ref.bytes(), ref.count, from, to, &data.samples));
    }
    if (data.samples.empty()) continue;
    data.labels = std::move(item.labels);
    TOCSIN_RETURN_IF_ERROR(visitor(std::move(data)));
  }
  return {};
}

Result<std::vector<promql::SeriesData>> SeriesStore::Select(std::span<const Matcher> matchers,
                                                            Millis from, Millis to) const {
  std::vector<promql::SeriesData> out;
  TOCSIN_RETURN_IF_ERROR(Visit(matchers, from, to, [&](promql::SeriesData&& series) {
    out.push_back(std::move(series));
    return Status();
  }));
  return out;
}

std::vector<ExemplarSeries> SeriesStore::QueryExemplars(std::span<const Matcher> matchers,
                                                        Millis from, Millis to) const {
  const std::shared_lock lock(mutex_);
  const std::vector<SeriesId> ids = index_.Match(matchers);
  std::unordered_map<SeriesId, std::vector<Exemplar>> found;
  found.reserve(ids.size());
  for (const SeriesId id : ids) found.try_emplace(id);
  exemplars_.ForEach(from, to, [&](SeriesId id, Exemplar exemplar) {
    const auto it = found.find(id);
    if (it != found.end()) it->second.push_back(std::move(exemplar));
  });
  std::vector<ExemplarSeries> out;
  for (const SeriesId id : ids) {
    std::vector<Exemplar>& exemplars = found.at(id);
    if (exemplars.empty()) continue;
    std::ranges::stable_sort(exemplars, {}, &Exemplar::t);
    out.push_back({index_.LabelsOf(id), std::move(exemplars)});
  }
  return out;
}

std::vector<Labels> SeriesStore::MatchSeries(std::span<const Matcher> matchers, Millis from,
                                             Millis to) const {
  const std::shared_lock lock(mutex_);
  std::vector<Labels> out;
  for (const SeriesId id : index_.Match(matchers)) {
    if (MayHaveSamples(id, from, to)) out.push_back(index_.LabelsOf(id));
  }
  return out;
}

std::vector<std::string> SeriesStore::LabelNames(std::span<const Matcher> matchers, Millis from,
                                                 Millis to) const {
  std::set<std::string, std::less<>> names;
  for (const Labels& labels : MatchSeries(matchers, from, to)) {
    for (const auto& [name, value] : labels) names.insert(name);
  }
  return {names.begin(), names.end()};
}

std::vector<std::string> SeriesStore::LabelValues(std::string_view name,
                                                  std::span<const Matcher> matchers, Millis from,
                                                  Millis to) const {
  const std::shared_lock lock(mutex_);
  std::set<std::string_view> values;
  for (const SeriesId id : index_.Match(matchers)) {
    const std::string_view value = index_.ValueOf(id, name);
    if (!value.empty() && !values.contains(value) && MayHaveSamples(id, from, to)) {
      values.insert(value);
    }
  }
  return {values.begin(), values.end()};
}

// Maintenance.

Status SeriesStore::Sync() {
  const std::lock_guard lock(append_mutex_);
  return log_->Sync();
}

std::optional<Millis> SeriesStore::DueBlock() const {
  const std::shared_lock lock(mutex_);
  Millis oldest = INT64_MAX;
  for (const Series& series : series_) {
    if (!series.head.empty()) oldest = std::min(oldest, series.head.first_t());
  }
  if (oldest == INT64_MAX) return std::nullopt;
  const Millis start = BlockOf(oldest);
  return max_time_ >= start + kBlockMillis + kBlockDelay ? std::optional(start) : std::nullopt;
}

Status SeriesStore::FlushDueBlocks() {
  while (const std::optional<Millis> start = DueBlock()) {
    TOCSIN_RETURN_IF_ERROR(FlushBlock(*start));
  }
  return {};
}

Status SeriesStore::FlushBlock(Millis start) {
  const Millis end = start + kBlockMillis;
  {
    // From here on the block's samples in the head do not change.
    const std::lock_guard append_lock(append_mutex_);
    const std::unique_lock lock(mutex_);
    min_time_ = std::max(min_time_, end);
  }
  std::vector<BlockStore::SeriesChunks> chunks;
  {
    const std::shared_lock lock(mutex_);
    for (SeriesId id = 1; id < series_.size(); ++id) {
      BlockStore::SeriesChunks found{id, {}};
      series_[id].head.Collect(start, end - 1, &found.chunks);
      if (!found.chunks.empty()) chunks.push_back(std::move(found));
    }
  }
  auto block = blocks_->Write(start, chunks, [this](SeriesId id) { return LabelsOf(id); });
  if (!block.has_value()) return std::move(block).error().WithContext("writing a sample block");

  const std::lock_guard append_lock(append_mutex_);
  const std::unique_lock lock(mutex_);
  blocks_->Publish(*std::move(block));
  for (Series& series : series_) series.head.DropBefore(end);
  head_changed_ = true;
  return {};
}

Status SeriesStore::WriteSnapshot() {
  SnapshotHeader header;
  std::vector<SnapshotSeries> series;
  std::optional<SnapshotBuilder> builder;
  {
    const std::lock_guard append_lock(append_mutex_);
    if (!head_changed_) return {};
    TOCSIN_ASSIGN_OR_RETURN(header.log_segment, log_->Roll());
    const std::shared_lock lock(mutex_);
    header.next_id = next_id_;
    header.min_time = min_time_;
    builder.emplace(header);
    exemplars_.ForEach(INT64_MIN, INT64_MAX,
                       [&](SeriesId id, const Exemplar& exemplar) { builder->Add(id, exemplar); });
    const std::vector<SeriesId> with_exemplars = exemplars_.Series();
    for (SeriesId id = 1; id < series_.size(); ++id) {
      if (series_[id].head.empty() && !std::ranges::binary_search(with_exemplars, id)) continue;
      SnapshotSeries& added = series.emplace_back();
      added.id = id;
      series_[id].head.Collect(INT64_MIN, INT64_MAX, &added.chunks);
    }
    head_changed_ = false;
  }
  for (SnapshotSeries& one : series) {
    one.labels = LabelsOf(one.id);
    builder->Add(one);
    one = {};  // Not to be held twice.
  }
  const std::string bytes = std::move(*builder).Finish();
  if (Status written = WriteFileAtomically(SnapshotPath(options_), bytes); !written.ok()) {
    const std::lock_guard append_lock(append_mutex_);
    head_changed_ = true;
    return written;
  }
  snapshot_segment_ = header.log_segment;
  snapshot_bytes_ = bytes.size();
  return {};
}

Status SeriesStore::Expire() {
  const Nanos now = options_.clock->Now();
  uint64_t log_bytes = options_.log_keep_bytes;
  if (options_.max_bytes > 0) log_bytes = std::min(log_bytes, options_.max_bytes / kLogsInBound);
  TOCSIN_RETURN_IF_ERROR(log_->Trim(snapshot_segment_, now - options_.log_keep, log_bytes));
  const Millis keep_from =
      options_.retention > 0 ? (now - options_.retention) / kNanosPerMilli : kMinTime;
  while (blocks_->volumes() > 0) {
    const bool expired = blocks_->OldestVolumeEnd() <= keep_from;
    if (!expired && (options_.max_bytes == 0 || DiskBytes() <= options_.max_bytes)) break;
    std::shared_ptr<const void> dropped;  // Let go of without the lock: it removes files.
    const std::unique_lock lock(mutex_);
    dropped = blocks_->DropOldest();
  }
  return {};
}

Status SeriesStore::Maintain() {
  const std::lock_guard lock(maintain_mutex_);
  // Expiry first: it is what makes room for the others.
  TOCSIN_RETURN_IF_ERROR(Expire());
  TOCSIN_RETURN_IF_ERROR(FlushDueBlocks());
  if (log_->BytesFrom(snapshot_segment_) >=
      std::max(kMinSnapshotLogBytes, snapshot_bytes_.load())) {
    TOCSIN_RETURN_IF_ERROR(WriteSnapshot());
  }
  TOCSIN_RETURN_IF_ERROR(Expire());
  UpdateGauges();
  return {};
}

Status SeriesStore::Flush() {
  TOCSIN_RETURN_IF_ERROR(Maintain());
  const std::lock_guard lock(maintain_mutex_);
  TOCSIN_RETURN_IF_ERROR(WriteSnapshot());
  return Expire();
}

uint64_t SeriesStore::DiskBytes() const {
  const std::shared_lock lock(mutex_);
  return log_->Bytes() + snapshot_bytes_ + blocks_->Bytes();
}

void SeriesStore::UpdateGauges() {
  const std::shared_lock lock(mutex_);
  metrics_->series.Set(static_cast<double>(index_.listed()));
  metrics_->blocks.Set(static_cast<double>(blocks_->blocks().size()));
  metrics_->block_bytes.Set(static_cast<double>(blocks_->Bytes()));
  metrics_->log_bytes.Set(static_cast<double>(log_->Bytes() + snapshot_bytes_));
}

SeriesStoreStats SeriesStore::Stats() const {
  const std::shared_lock lock(mutex_);
  SeriesStoreStats stats = stats_;
  stats.series = index_.listed();
  stats.blocks = blocks_->blocks().size();
  std::vector<ChunkRef> chunks;
  for (const Series& series : series_) {
    stats.head_chunk_bytes += series.head.ChunkBytes();
    chunks.clear();
    series.head.Collect(INT64_MIN, INT64_MAX, &chunks);
    for (const ChunkRef& chunk : chunks) stats.head_samples += chunk.count;
  }
  return stats;
}

}  // namespace tocsin::storage
