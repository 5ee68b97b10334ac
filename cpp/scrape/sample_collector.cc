#include "cpp/scrape/sample_collector.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>

#include "cpp/base/clock.h"
#include "cpp/model/native_histogram_math.h"

namespace tocsin::scrape {
namespace {

constexpr Millis kMaxAhead = 10 * kMinute / kMillisecond;
constexpr std::string_view kExported = "exported_";
constexpr std::string_view kCreated = "_created";

std::string Shown(std::string_view text) {
  constexpr size_t kShown = 50;
  return std::string(text.substr(0, kShown));
}

bool HasStart(MetricType type) {
  return type == MetricType::kCounter || type == MetricType::kHistogram ||
         type == MetricType::kSummary || type == MetricType::kGaugeHistogram;
}

/// Which metric of the family a series is a part of: all that differ in `le` or `quantile` only.
uint64_t MetricOf(const std::vector<Labels::Pair>& labels, std::string_view family) {
  std::string key(family);
  for (const auto& [name, value] : labels) {
    if (name == kMetricName || name == "le" || name == "quantile") continue;
    key.append(1, '\xff').append(name).append(1, '\xfe').append(value);
  }
  return Hash64(key) | 1U;
}

/// The schema that buckets which grow by at least `factor` need.
int32_t SchemaOf(double factor) {
  if (factor <= 1) return kMaxExponentialSchema;
  const double schema = std::floor(-std::log2(std::log2(factor)));
  return static_cast<int32_t>(
      std::clamp<double>(schema, kMinExponentialSchema, kMaxExponentialSchema));
}

}  // namespace

Labels JoinLabels(const std::vector<Labels::Pair>& exposed, const Labels& target,
                  bool honor_labels) {
  Labels joined(exposed);
  std::vector<Labels::Pair> conflicts;
  for (const auto& [name, value] : target) {
    if (name.starts_with("__")) continue;
    if (honor_labels) {
      // One that is exposed as empty is honoured too: there is no such label then.
      const bool given = std::ranges::find(exposed, name, &Labels::Pair::first) != exposed.end();
      if (!given) joined.Set(name, value);
      continue;
    }
    if (joined.Has(name)) conflicts.emplace_back(name, joined.Get(name));
    joined.Set(name, value);
  }
  std::ranges::stable_sort(conflicts, {}, [](const auto& label) { return label.first.size(); });
  for (const auto& [name, value] : conflicts) {
    std::string renamed = std::string(kExported) + name;
    while (joined.Has(renamed)) renamed.insert(0, kExported);
    joined.Set(renamed, value);
  }
  return joined;
}

Status SampleCollector::Collect(std::string_view body, Format format, SeriesMemory* series,
                                MetadataMemory* metadata, Collected* out) {
  const ReaderOptions options{.native_histograms = rules_.samples.native_histograms,
                              .classic_histograms = rules_.samples.classic_histograms,
                              .convert_classic = rules_.samples.convert_classic};
  const std::unique_ptr<ExpositionReader> reader = ReadExposition(body, format, options);
  metadata->Begin(format);
  while (true) {
    TOCSIN_ASSIGN_OR_RETURN(const ExpositionReader::Item item, reader->Next());
    if (item == ExpositionReader::Item::kEnd) break;
    if (item == ExpositionReader::Item::kMetadata) {
      metadata->Take(reader->metadata());
      family_.clear();
      start_ = {};
      continue;
    }
    TOCSIN_RETURN_IF_ERROR(OneSample(reader.get(), format, series, out));
  }
  TOCSIN_RETURN_IF_ERROR(limit_);
  out->metadata = metadata->End();
  return {};
}

Status SampleCollector::OneSample(ExpositionReader* reader, Format format, SeriesMemory* memory,
                                  Collected* out) {
  ++counts_.scraped;
  const ExposedSample& sample = reader->sample();
  KnownSeries* known = memory->Find(sample.series);
  const bool is_new = known == nullptr;
  if (is_new) {
    TOCSIN_ASSIGN_OR_RETURN(known, Learn(reader, format, memory));
  }
  if (known->tells_start) {
    constexpr double kMax = 9e12;
    if (sample.value > 0 && sample.value < kMax) {
      StartIs(known->metric, static_cast<Millis>(sample.value * 1000), out);
    }
  }
  const bool first = memory->See(known);
  if (known->dropped) return {};
  ++counts_.kept;
  const bool own_time = rules_.samples.honor_timestamps && sample.timestamp.has_value();
  if (!first && !own_time) {
    ++counts_.duplicates;
    return {};
  }
  ++limited_;
  if (rules_.sample_limit != 0 && limited_ > rules_.sample_limit) {
    if (limit_.ok()) limit_ = ResourceExhaustedError("sample limit exceeded");
    return {};
  }
  if (is_new) ++counts_.added;
  // A sample with a time of its own is not known to be of this moment: it need not end.
  if (!own_time || rules_.samples.track_timestamps_staleness) memory->Track(known);
  return Append(sample, *known, out);
}

Result<KnownSeries*> SampleCollector::Learn(ExpositionReader* reader, Format format,
                                            SeriesMemory* memory) {
  TOCSIN_ASSIGN_OR_RETURN(const std::vector<Labels::Pair> exposed, reader->ReadLabels());
  Labels labels = JoinLabels(exposed, target_, rules_.samples.honor_labels);
  const bool dropped = !rules_.samples.relabelling.Apply(&labels) || labels.empty();
  if (!dropped) {
    TOCSIN_RETURN_IF_ERROR(CheckLabels(labels));
  }
  KnownSeries* const known = memory->Add(reader->sample().series);
  known->dropped = dropped;
  if (!dropped) known->ref = sink_.Ref(labels);
  if (format == Format::kOpenMetrics && HasStart(reader->family_type())) {
    const std::string_view name = exposed.front().second;
    const std::string_view family = reader->family();
    if (name.starts_with(family)) {
      known->metric = MetricOf(exposed, family);
      known->tells_start = name.substr(family.size()) == kCreated;
    }
  }
  return known;
}

Status SampleCollector::CheckLabels(const Labels& labels) const {
  const std::string_view metric = labels.metric_name();
  if (metric.empty()) return InvalidArgumentError("missing metric name (__name__ label)");
  const SampleRules& rules = rules_.samples;
  const auto in = [&] { return " (metric: " + Shown(metric) + ", "; };
  if (rules.label_limit != 0 && labels.size() > rules.label_limit) {
    return ResourceExhaustedError("label_limit exceeded" + in() +
                                  "number of labels: " + std::to_string(labels.size()) +
                                  ", limit: " + std::to_string(rules.label_limit) + ")");
  }
  for (const auto& [name, value] : labels) {
    if (rules.label_name_length_limit != 0 && name.size() > rules.label_name_length_limit) {
      return ResourceExhaustedError(
          "label_name_length_limit exceeded" + in() + "label name: " + Shown(name) +
          ", length: " + std::to_string(name.size()) +
          ", limit: " + std::to_string(rules.label_name_length_limit) + ")");
    }
    if (rules.label_value_length_limit != 0 && value.size() > rules.label_value_length_limit) {
      return ResourceExhaustedError(
          "label_value_length_limit exceeded" + in() + "label name: " + Shown(name) +
          ", value: \"" + Shown(value) + "\", length: " + std::to_string(value.size()) +
          ", limit: " + std::to_string(rules.label_value_length_limit) + ")");
    }
  }
  return {};
}

Status SampleCollector::Append(const ExposedSample& sample, const KnownSeries& known,
                               Collected* out) {
  const Millis t = rules_.samples.honor_timestamps ? sample.timestamp.value_or(time_) : time_;
  if (t > time_ + kMaxAhead) {
    ++counts_.too_far;
    return {};
  }
  const bool counts = known.metric != 0 && !known.tells_start;
  const Millis start = counts && start_.first == known.metric ? start_.second : sample.start;
  if (sample.histogram != nullptr) {
    const Result<HistogramPtr> histogram = Coarsened(sample.histogram);
    if (!histogram.has_value()) {
      if (limit_.ok()) limit_ = histogram.error();
      return {};
    }
    out->histograms.push_back({known.ref, {t, *histogram}, start});
  } else {
    out->samples.push_back({known.ref, {t, sample.value}, start});
  }
  if (counts && start == 0) {
    const bool native = sample.histogram != nullptr;
    family_.push_back(
        {known.metric, native, (native ? out->histograms.size() : out->samples.size()) - 1});
  }
  for (const ExposedExemplar& exemplar : sample.exemplars) {
    // Without a time it is not known whether one of a native histogram is new.
    if (!exemplar.timestamp.has_value() && sample.histogram != nullptr) continue;
    out->exemplars.push_back(
        {known.ref, {exemplar.labels, exemplar.value, exemplar.timestamp.value_or(t)}});
  }
  return {};
}

Result<HistogramPtr> SampleCollector::Coarsened(const HistogramPtr& histogram) const {
  const auto buckets = [](const NativeHistogram& h) {
    return h.positive_buckets.size() + h.negative_buckets.size();
  };
  const int32_t max_schema = SchemaOf(rules_.min_bucket_factor);
  const bool too_fine = !histogram->custom_buckets() && histogram->schema > max_schema;
  const bool too_many = rules_.bucket_limit != 0 && buckets(*histogram) > rules_.bucket_limit;
  if (!too_fine && !too_many) return histogram;
  const auto failure = [] { return ResourceExhaustedError("histogram bucket limit exceeded"); };
  if (histogram->custom_buckets()) return failure();
  auto coarser = std::make_shared<NativeHistogram>(*histogram);
  if (too_fine) ReduceResolution(coarser.get(), max_schema);
  while (rules_.bucket_limit != 0 && buckets(*coarser) > rules_.bucket_limit) {
    if (coarser->schema <= kMinExponentialSchema) return failure();
    ReduceResolution(coarser.get(), coarser->schema - 1);
  }
  return HistogramPtr(std::move(coarser));
}

void SampleCollector::StartIs(uint64_t metric, Millis start, Collected* out) {
  start_ = {metric, start};
  // The parts of a metric stand together, mostly before its start.
  while (!family_.empty() && family_.back().metric == metric) {
    const Startable& part = family_.back();
    Millis& target =
        part.histogram ? out->histograms[part.index].start : out->samples[part.index].start;
    target = start;
    family_.pop_back();
  }
}

}  // namespace tocsin::scrape
