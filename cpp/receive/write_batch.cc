#include "cpp/receive/write_batch.h"

#include <algorithm>
#include <utility>

#include "cpp/wire/utf8.h"

namespace tocsin::receive {
namespace {

using Series = wire::WriteRequest::Series;

// Of a label set in an error, so that an answer stays small.
constexpr size_t kShownBytes = 300;

Failure BadName(std::string_view what, std::string_view name) {
  return InvalidArgumentError(std::string(what) + " \"" + std::string(name) + "\"");
}

// The labels for people, as far as they are texts.
std::string Shown(const std::vector<wire::LabelView>& labels) {
  std::string text = "{";
  for (const auto& [name, value] : labels) {
    if (text.size() > 1) text += ", ";
    text += wire::IsUtf8(name) ? std::string(name) : "(not UTF-8)";
    text += "=\"";
    text += wire::IsUtf8(value) ? std::string(value) : "(not UTF-8)";
    text += '"';
    if (text.size() > kShownBytes) return text + ", ...";
  }
  return text + "}";
}

bool StripSuffix(std::string_view suffix, std::string_view* name) {
  if (name->size() <= suffix.size() || !name->ends_with(suffix)) return false;
  name->remove_suffix(suffix.size());
  return true;
}

}  // namespace

void Refusals::Add(std::string reason) {
  ++count_;
  if (shown_.size() < kShown) shown_.push_back(std::move(reason));
}

std::string Refusals::Text() const {
  std::string text;
  for (const std::string& reason : shown_) text += reason + "\n";
  if (count_ > shown_.size()) {
    text += "and " + std::to_string(count_ - shown_.size()) + " more\n";
  }
  return text;
}

Result<Labels> LabelsFrom(const std::vector<wire::LabelView>& labels) {
  std::vector<Labels::Pair> pairs;
  pairs.reserve(labels.size());
  for (const auto& [name, value] : labels) {
    if (name.empty()) return InvalidArgumentError("a label has an empty name");
    if (!wire::IsUtf8(name)) return InvalidArgumentError("a label name is not UTF-8");
    if (!wire::IsUtf8(value)) return BadName("not UTF-8: the value of label", name);
    pairs.emplace_back(name, value);
  }
  const auto by_name = [](const Labels::Pair& a, const Labels::Pair& b) {
    return a.first < b.first;
  };
  if (!std::ranges::is_sorted(pairs, by_name)) std::ranges::stable_sort(pairs, by_name);
  const auto twice = std::ranges::adjacent_find(pairs, {}, &Labels::Pair::first);
  if (twice != pairs.end()) return BadName("given twice: label", twice->first);
  Labels result(std::move(pairs));
  if (result.metric_name().empty()) return InvalidArgumentError("there is no metric name");
  return result;
}

std::string_view FamilyOf(std::string_view metric_name, MetricType type) {
  const bool buckets = type == MetricType::kHistogram || type == MetricType::kGaugeHistogram;
  if (buckets && StripSuffix("_bucket", &metric_name)) return metric_name;
  if (type == MetricType::kGaugeHistogram &&
      (StripSuffix("_gcount", &metric_name) || StripSuffix("_gsum", &metric_name))) {
    return metric_name;
  }
  if ((buckets || type == MetricType::kSummary) && !StripSuffix("_count", &metric_name)) {
    StripSuffix("_sum", &metric_name);
  }
  return metric_name;
}

Result<WriteBatch> WriteBatch::Make(const wire::WriteRequest& request, wire::WriteMessage message,
                                    SampleSink* sink, SeriesCache* cache) {
  WriteBatch batch(request, message);
  TOCSIN_RETURN_IF_ERROR(batch.ResolveSeries(sink, cache));
  batch.samples_.reserve(request.samples());
  for (size_t i = 0; i < request.series().size(); ++i) {
    const Series& series = request.series()[i];
    const SeriesRef ref = batch.series_[i].series;
    if (ref == SeriesCache::kUnknown) continue;
    batch.AddSamples(series, ref);
    batch.AddHistograms(series, ref);
    TOCSIN_RETURN_IF_ERROR(batch.AddExemplars(series, ref));
  }
  for (const MetricMetadata& metadata : request.metadata()) batch.AddMetadata(metadata);
  return batch;
}

Status WriteBatch::ResolveSeries(SampleSink* sink, SeriesCache* cache) {
  series_.reserve(request_.series().size());
  for (const Series& series : request_.series()) {
    series_.push_back({.identity = series.identity, .series = SeriesCache::kUnknown});
  }
  cache->Find(series_);
  for (size_t i = 0; i < series_.size(); ++i) {
    const Series& series = request_.series()[i];
    if (v2_ && series.samples.empty() && series.histograms.empty()) {
      series_[i].series = SeriesCache::kUnknown;
      refusals_.Add("the series at byte " + std::to_string(series.offset) +
                    " has neither samples nor histograms");
      continue;
    }
    if (series_[i].series != SeriesCache::kUnknown) continue;
    TOCSIN_RETURN_IF_ERROR(ResolveNew(series, sink, &series_[i]));
  }
  return {};
}

Status WriteBatch::ResolveNew(const Series& series, SampleSink* sink, SeriesCache::Entry* entry) {
  Status read = request_.Labels(series.labels, &labels_);
  if (read.code() == StatusCode::kInvalidArgument) return read;
  if (!read.ok()) {
    Refuse(series, read.message());
    return {};
  }
  const Result<Labels> labels = LabelsFrom(labels_);
  if (!labels.has_value()) {
    Refuse(series, labels.error().message());
    return {};
  }
  if (v2_) {
    const Status noted = NoteMetadata(series, labels->metric_name());
    if (!noted.ok()) {
      Refuse(series, noted.message());
      return {};
    }
  }
  // Nothing is made of a series that brings nothing.
  if (series.samples.empty() && series.histograms.empty() && series.exemplars.empty()) return {};
  entry->series = sink->Ref(*labels);
  new_series_.push_back(*entry);
  return {};
}

void WriteBatch::Refuse(const Series& series, std::string_view reason) {
  invalid_label_samples_ += series.samples.size() + series.histograms.size();
  refusals_.Add("invalid series at byte " + std::to_string(series.offset) + ": " +
                std::string(reason) + ", in " + Shown(labels_));
}

Status WriteBatch::NoteMetadata(const Series& series, std::string_view metric_name) {
  TOCSIN_ASSIGN_OR_RETURN(const std::string_view help, request_.Symbol(series.help_ref));
  TOCSIN_ASSIGN_OR_RETURN(const std::string_view unit, request_.Symbol(series.unit_ref));
  if (series.type == MetricType::kUnknown && help.empty() && unit.empty()) return {};
  AddMetadata({.family = std::string(FamilyOf(metric_name, series.type)),
               .type = series.type,
               .help = std::string(help),
               .unit = std::string(unit)});
  return {};
}

// What is not text is dropped: no sample depends on it.
void WriteBatch::AddMetadata(MetricMetadata metadata) {
  if (metadata.family.empty() || !wire::IsUtf8(metadata.family) || !wire::IsUtf8(metadata.help) ||
      !wire::IsUtf8(metadata.unit)) {
    return;
  }
  // The series of a family follow one another.
  if (metadata_.empty() || metadata_.back() != metadata) metadata_.push_back(std::move(metadata));
}

void WriteBatch::AddSamples(const Series& series, SeriesRef ref) {
  for (const auto& [sample, start] : series.samples) {
    samples_.push_back({.series = ref, .sample = sample, .start = start});
  }
}

void WriteBatch::AddHistograms(const Series& series, SeriesRef ref) {
  for (const wire::WireHistogram& histogram : series.histograms) {
    if (histogram.stale()) {
      ++stale_histograms_;
      samples_.push_back(
          {.series = ref, .sample = {.t = histogram.t, .v = StaleNan()}, .start = 0});
    } else if (histogram.histogram == nullptr) {
      ++invalid_histograms_;
      refusals_.Add("invalid histogram of the series at byte " + std::to_string(series.offset) +
                    ", time " + std::to_string(histogram.t) + ": " + histogram.invalid);
    } else {
      histograms_.push_back(
          {.series = ref, .sample = {histogram.t, histogram.histogram}, .start = histogram.start});
    }
  }
}

Status WriteBatch::AddExemplars(const Series& series, SeriesRef ref) {
  for (const wire::WriteRequest::WriteExemplar& exemplar : series.exemplars) {
    const Status read = request_.Labels(exemplar.labels, &labels_);
    if (read.code() == StatusCode::kInvalidArgument) return read;
    std::vector<Labels::Pair> pairs;
    bool ok = read.ok();
    for (const auto& [name, value] : labels_) {
      ok = ok && !name.empty() && wire::IsUtf8(name) && wire::IsUtf8(value);
      pairs.emplace_back(name, value);
    }
    if (!ok) {
      ++invalid_exemplars_;
      refusals_.Add(
          "invalid exemplar of the series at byte " + std::to_string(series.offset) + ": " +
          std::string(read.ok() ? "a label has no name, or is not UTF-8" : read.message()));
      continue;
    }
    exemplars_.push_back(
        {.series = ref,
         .exemplar = {
             .labels = Labels(std::move(pairs)), .value = exemplar.value, .t = exemplar.t}});
  }
  return {};
}

}  // namespace tocsin::receive
