#include "cpp/generate/span_metrics.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <functional>
#include <optional>
#include <utility>

#include "cpp/base/check.h"
#include "cpp/base/coding.h"
#include "cpp/base/crc32c.h"
#include "cpp/base/format.h"
#include "cpp/model/span_words.h"

namespace tocsin::generate {
namespace {

constexpr char kCheckpointVersion = 1;
constexpr size_t kChecksumBytes = 4;

constexpr size_t kMaxBuckets = 256;
constexpr double kMaxBucketMs = 1e12;  // 31 years; in nanoseconds it fits 64 bits.
constexpr double kNanosPerMs = 1e6;

// Direct-mapped: a key that finds its slot taken takes it over, and the other is looked up again.
constexpr size_t kCacheSlots = 4096;
static_assert(std::has_single_bit(kCacheSlots));

constexpr size_t kMaxLabelNameBytes = 1024;

constexpr EntityKey kOverflowKey{.service = {}, .name = {}, .overflow = true};

// The series of an entity, in the order of its refs: calls, size, sum, count, then the buckets.
enum Part : uint8_t { kPartCalls, kPartSize, kPartSum, kPartCount, kPartBuckets };

// A value outside the enum, which a client may send, counts as the first.
template <class Enum, size_t kSize>
Enum Known(Enum value, const std::array<std::string_view, kSize>&) {
  return static_cast<size_t>(value) < kSize ? value : Enum{};
}

std::vector<uint64_t> BoundsInNanos(const std::vector<double>& bounds_ms) {
  std::vector<uint64_t> bounds;
  bounds.reserve(bounds_ms.size());
  for (const double bound : bounds_ms) {
    // A duration is whole nanoseconds. The summand undoes the rounding of 0.0003 * 1e6 and the
    // like.
    bounds.push_back(static_cast<uint64_t>(std::floor((bound * kNanosPerMs) + 0.001)));
  }
  return bounds;
}

Status CheckOptions(const SpanMetricsOptions& options) {
  const std::vector<double>& buckets = options.histogram_buckets;
  if (buckets.empty() || buckets.size() > kMaxBuckets) {
    return InvalidArgumentError("histogram_buckets must have 1 to 256 bounds");
  }
  for (const double bound : buckets) {
    if (!(bound > 0 && bound <= kMaxBucketMs)) {
      return InvalidArgumentError("histogram_buckets: " + std::to_string(bound) +
                                  " is not above 0 and at most 1e12 milliseconds");
    }
  }
  const std::vector<uint64_t> nanos = BoundsInNanos(buckets);
  if (std::ranges::adjacent_find(nanos, std::greater_equal<>()) != nanos.end()) {
    return InvalidArgumentError("histogram_buckets must ascend by a nanosecond or more");
  }
  if (options.collection_interval < kMillisecond) {
    return InvalidArgumentError("collection_interval must be a millisecond or more");
  }
  if (options.trace_id_label_name.empty() ||
      options.trace_id_label_name.size() > kMaxLabelNameBytes) {
    return InvalidArgumentError("trace_id_label_name must have 1 to 1024 bytes");
  }
  for (const Dimension& dimension : options.dimensions) {
    if (dimension.label.empty() || dimension.label.size() > kMaxLabelNameBytes) {
      return InvalidArgumentError("the label of a dimension must have 1 to 1024 bytes");
    }
  }
  return {};
}

// The labels that all series of an entity share.
Labels BaseLabels(const EntityTable::Entity& entity) {
  if (entity.overflow) return {{"metric_overflow", "true"}};
  Labels labels{
      {"service", entity.service},
      {"service_name", entity.service},
      {"span_name", entity.name},
      {"span_kind", std::string(kKindNames[static_cast<size_t>(entity.kind)])},
      {"status_code", std::string(kStatusNames[static_cast<size_t>(entity.status)])},
  };
  AddDimensions(entity.dimensions, &labels);
  return labels;
}

double SumInMs(const uint64_t* row) {
  const double high = std::ldexp(static_cast<double>(row[EntityTable::kSumHigh]), 64);
  return (high + static_cast<double>(row[EntityTable::kSumLow])) / kNanosPerMs;
}

// The values of an entity in the order of Part; `visit(part, value)`.
template <class Visit>
void ForEachValue(const uint64_t* row, uint32_t buckets, const Visit& visit) {
  visit(size_t{kPartCalls}, static_cast<double>(row[EntityTable::kCalls]));
  visit(size_t{kPartSize}, static_cast<double>(row[EntityTable::kSize]));
  visit(size_t{kPartSum}, SumInMs(row));
  uint64_t cumulated = 0;
  for (uint32_t b = 0; b < buckets; ++b) {
    cumulated += row[EntityTable::kFirstBucket + b];
    visit(size_t{kPartBuckets} + b, static_cast<double>(cumulated));
  }
  visit(size_t{kPartCount}, static_cast<double>(cumulated));
}

}  // namespace

Result<std::unique_ptr<SpanMetrics>> SpanMetrics::Create(SpanMetricsOptions options,
                                                         Telemetry& telemetry) {
  TOCSIN_RETURN_IF_ERROR(CheckOptions(options));
  return std::unique_ptr<SpanMetrics>(new SpanMetrics(std::move(options), telemetry));
}

SpanMetrics::SpanMetrics(SpanMetricsOptions options, Telemetry& telemetry)
    : options_(std::move(options)),
      bucket_count_(static_cast<uint32_t>(options_.histogram_buckets.size()) + 1),
      spans_received_(telemetry.GetCounter("tempo_metrics_generator_spans_received_total",
                                           "Spans counted by the metrics generator.")),
      active_series_(telemetry.GetGauge("tempo_metrics_generator_registry_active_series",
                                        "Series that span metrics have made.")),
      spans_limited_(telemetry.GetCounter(
          "tempo_metrics_generator_spans_limited_total",
          "Spans counted by the metric_overflow series because of max_active_series.")),
      table_(BoundsInNanos(options_.histogram_buckets)),
      dimensions_(options_.dimensions),
      cache_(kCacheSlots) {}

void SpanMetrics::FindServices(const SpanBatch& batch) {
  // Equal strings share an id, and so do equal keys: look for the name once.
  uint32_t key = UINT32_MAX;
  for (uint32_t i = 0; i < batch.keys.size(); ++i) {
    if (batch.keys[i].type == ValueType::kString &&
        batch.strings[batch.keys[i].name] == "service.name") {
      key = i;
      break;
    }
  }
  std::vector<StringId> of_resource(batch.resources.size(), 0);
  for (size_t r = 0; key != UINT32_MAX && r < of_resource.size(); ++r) {
    const SpanBatch::AttrRange range = batch.resources[r].attrs;
    const auto begin = batch.attrs.begin() + range.begin;
    const auto end = batch.attrs.begin() + range.end;
    const auto found = std::find_if(begin, end, [key](const auto& a) { return a.key == key; });
    if (found != end) of_resource[r] = found->value;
  }
  service_of_scope_.clear();
  for (const SpanBatch::Scope& scope : batch.scopes) {
    service_of_scope_.push_back(of_resource[scope.resource]);
  }
}

uint32_t SpanMetrics::EntityOf(const SpanBatch& batch, uint32_t row, std::string_view dimensions,
                               Birth birth) {
  const StringId service = service_of_scope_[batch.scope[row]];
  const EntityKey key{
      .service = TruncateUtf8(batch.strings[service], kMaxLabelValueBytes),
      .name = TruncateUtf8(batch.strings[batch.name[row]], kMaxLabelValueBytes),
      .kind = Known(batch.kind[row], kKindNames),
      .status = Known(batch.status[row], kStatusNames),
      .overflow = false,
      .dimensions = dimensions,
  };
  if (const uint32_t found = table_.Find(key); found != EntityTable::kNone) return found;
  const uint64_t series_per_entity = kPartBuckets + bucket_count_;
  const uint64_t limit = options_.max_active_series;
  if (limit == 0 || (table_.size() + 1) * series_per_entity <= limit) {
    return table_.Add(key, birth);
  }
  if (overflow_ == EntityTable::kNone) overflow_ = table_.Add(kOverflowKey, birth);
  return overflow_;
}

uint32_t SpanMetrics::CachedEntityOf(const SpanBatch& batch, uint32_t row, Birth birth) {
  const StringId service = service_of_scope_[batch.scope[row]];
  const StringId name = batch.name[row];
  const auto kind_and_status = static_cast<uint16_t>(static_cast<unsigned>(batch.kind[row]) << 8 |
                                                     static_cast<unsigned>(batch.status[row]));
  uint64_t hash = (uint64_t{service} << 32 | name) * 0x9e3779b97f4a7c15U;
  hash ^= hash >> 32;
  CacheSlot& slot = cache_[(hash + kind_and_status * uint64_t{0x9e5}) & (kCacheSlots - 1)];
  if (slot.batch != batch_number_ || slot.service != service || slot.name != name ||
      slot.kind_and_status != kind_and_status) {
    slot = {batch_number_, service, name, kind_and_status, EntityOf(batch, row, {}, birth)};
  }
  return slot.entity;
}

void SpanMetrics::Count(const SpanBatch& batch, uint64_t position, Birth birth) {
  const std::lock_guard lock(mutex_);
  FindServices(batch);
  ++batch_number_;
  if (!dimensions_.empty()) dimensions_.Begin(batch);
  for (uint32_t row = 0; row < batch.rows(); ++row) {
    const uint32_t entity = dimensions_.empty()
                                ? CachedEntityOf(batch, row, birth)
                                : EntityOf(batch, row, dimensions_.Pack(row), birth);
    if (entity == overflow_) ++limited_;
    table_.Count(entity, batch.wire_size[row],
                 {batch.traces[batch.trace[row]], batch.end[row], batch.Duration(row)});
  }
  position_ = position;
  spans_received_.Add(static_cast<double>(batch.rows()));
}

Millis SpanMetrics::ZeroTime(Birth birth, Millis t) const {
  const Millis interval = options_.collection_interval / kMillisecond;
  switch (birth) {
    case Birth::kCollected:
      return t;
    case Birth::kReplayed:
      // If a former process collected it, then after the checkpoint, whose collection this is: the
      // sink has newer samples and drops the 0.
      return last_collect_ > 0 ? last_collect_ : t;
    case Birth::kLive:
      return last_collect_ >= t - (2 * interval) ? last_collect_ : t - interval;
  }
  return t;
}

void SpanMetrics::MakeRefs(const EntityTable::Snapshot& snapshot, SampleSink& sink) {
  if (refs_of_ != &sink) refs_.clear();
  refs_of_ = &sink;
  for (size_t i = refs_.size() / (kPartBuckets + bucket_count_); i < snapshot.entities.size();
       ++i) {
    Labels labels = BaseLabels(*snapshot.entities[i]);
    const auto ref = [&](std::string_view name) {
      labels.Set(kMetricName, name);
      refs_.push_back(sink.Ref(labels));
    };
    ref("traces_spanmetrics_calls_total");
    ref("traces_spanmetrics_size_total");
    ref("traces_spanmetrics_latency_sum");
    ref("traces_spanmetrics_latency_count");
    for (uint32_t b = 0; b < bucket_count_; ++b) {
      const bool last = b + 1 == bucket_count_;
      labels.Set("le", last ? "+Inf" : FormatGoFixed(options_.histogram_buckets[b]));
      ref("traces_spanmetrics_latency_bucket");
    }
  }
}

SpanMetrics::Gathered SpanMetrics::Gather(const EntityTable::Snapshot& snapshot, Millis t) const {
  const size_t parts = kPartBuckets + bucket_count_;
  Gathered out;
  out.samples.reserve(snapshot.entities.size() * parts);
  // The zeros go first, so that the samples of a sink's log ascend in time.
  for (size_t i = 0; i < snapshot.entities.size(); ++i) {
    const Millis zero = ZeroTime(snapshot.births[i], t);
    for (size_t part = 0; zero < t && part < parts; ++part) {
      out.samples.push_back({refs_[(i * parts) + part], {zero, 0.0}});
    }
  }
  for (size_t i = 0; i < snapshot.entities.size(); ++i) {
    ForEachValue(snapshot.Row(i, bucket_count_), bucket_count_, [&](size_t part, double value) {
      out.samples.push_back({refs_[(i * parts) + part], {t, value}});
    });
  }
  GatherExemplars(snapshot, t, &out);
  return out;
}

void SpanMetrics::GatherExemplars(const EntityTable::Snapshot& snapshot, Millis t,
                                  Gathered* out) const {
  const size_t parts = kPartBuckets + bucket_count_;
  for (size_t i = 0; i < snapshot.entities.size(); ++i) {
    const EntityTable::Exemplar* exemplars = snapshot.Exemplars(i, bucket_count_);
    for (uint32_t b = 0; b < bucket_count_; ++b) {
      const EntityTable::Exemplar& exemplar = exemplars[b];
      if (exemplar.trace_id.IsZero()) continue;
      // A client's clock may be ahead of ours; an exemplar of the future would shut out later ones.
      const uint64_t end =
          std::min<uint64_t>(exemplar.end / uint64_t{kMillisecond}, static_cast<uint64_t>(t));
      out->exemplars.push_back(
          {refs_[(i * parts) + kPartBuckets + b],
           {Labels{{options_.trace_id_label_name, exemplar.trace_id.ToHex()}},
            static_cast<double>(exemplar.duration) / kNanosPerMs, static_cast<Millis>(end)}});
    }
  }
}

Status SpanMetrics::Collect(Nanos now, SampleSink& sink) {
  const Millis t = now / kMillisecond;
  const std::lock_guard collect_lock(collect_mutex_);
  EntityTable::Snapshot snapshot;
  {
    const std::lock_guard lock(mutex_);
    if (t <= last_collect_) return {};
    snapshot = table_.Copy();
  }
  MakeRefs(snapshot, sink);
  const Gathered gathered = Gather(snapshot, t);
  TOCSIN_RETURN_IF_ERROR(sink.Put({.samples = gathered.samples, .exemplars = gathered.exemplars}));

  const std::lock_guard lock(mutex_);
  table_.MarkCollected(snapshot);
  last_collect_ = t;
  active_series_.Set(static_cast<double>(refs_.size()));
  spans_limited_.Add(static_cast<double>(std::exchange(limited_, 0)));
  return {};
}

std::string SpanMetrics::Checkpoint() const {
  EntityTable::Snapshot snapshot;
  std::string out(1, kCheckpointVersion);
  {
    const std::lock_guard lock(mutex_);
    snapshot = table_.Copy();
    PutVarint64(&out, position_);
    PutVarint64(&out, static_cast<uint64_t>(last_collect_));
  }
  // The bounds never change: no lock is needed.
  EntityTable::Encode(snapshot, table_.bounds(), &out);
  PutFixed32(&out, Crc32c(out));
  return out;
}

Status SpanMetrics::Restore(std::string_view checkpoint) {
  if (checkpoint.size() <= kChecksumBytes) {
    return CorruptionError("span metrics checkpoint is cut short");
  }
  std::string_view body = checkpoint.substr(0, checkpoint.size() - kChecksumBytes);
  if (Crc32c(body) != DecodeFixed32(body.data() + body.size())) {
    return CorruptionError("span metrics checkpoint fails its checksum");
  }
  if (body.front() != kCheckpointVersion) {
    return CorruptionError("span metrics checkpoint has an unknown version");
  }
  body.remove_prefix(1);
  const std::optional<uint64_t> position = GetVarint64(&body);
  const std::optional<uint64_t> last_collect = position ? GetVarint64(&body) : std::nullopt;
  if (!last_collect || *last_collect > uint64_t{INT64_MAX}) {
    return CorruptionError("span metrics checkpoint has a bad header");
  }
  Result<EntityTable> table = EntityTable::Decode(&body, BoundsInNanos(options_.histogram_buckets));
  if (!table.has_value()) return Failure(std::move(table).error());
  if (!body.empty()) return CorruptionError("span metrics checkpoint has bytes left over");

  const std::lock_guard collect_lock(collect_mutex_);
  const std::lock_guard lock(mutex_);
  refs_.clear();
  refs_of_ = nullptr;
  table_ = *std::move(table);
  overflow_ = table_.Find(kOverflowKey);
  cache_.assign(kCacheSlots, {});
  position_ = *position;
  last_collect_ = static_cast<Millis>(*last_collect);
  return {};
}

uint64_t SpanMetrics::position() const {
  const std::lock_guard lock(mutex_);
  return position_;
}

}  // namespace tocsin::generate
