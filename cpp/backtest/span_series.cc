#include "cpp/backtest/span_series.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "cpp/model/ports.h"
#include "cpp/promql/select_by_scan.h"

namespace tocsin::backtest {
namespace {

constexpr std::array<std::string_view, 4> kSpanMetrics = {
    "traces_spanmetrics_calls_total", "traces_spanmetrics_latency_bucket",
    "traces_spanmetrics_latency_count", "traces_spanmetrics_latency_sum"};

constexpr Millis kHourMillis = kHour / kMillisecond;
constexpr size_t kForgetAtLeast = 100'000;

uint64_t InNanos(Millis t) { return static_cast<uint64_t>(std::max<Millis>(t, 0) * kMillisecond); }

}  // namespace

bool IsSpanMetric(std::string_view metric) {
  return std::ranges::find(kSpanMetrics, metric) != kSpanMetrics.end();
}

/// Takes what is collected, and keeps of each series the samples that differ from the one before.
class SpanSeries::Changes final : public SampleSink {
 public:
  using Ordered = std::map<Labels, std::vector<Sample>>;

  Changes(const std::set<std::string, std::less<>>& metrics, SampleBudget* budget)
      : metrics_(metrics), budget_(*budget) {}

  SeriesRef Ref(const Labels& labels) override {
    if (labels.Get("metric_overflow") == "true") overflowed_ = true;
    std::vector<Sample>* changes = nullptr;
    if (metrics_.contains(labels.metric_name())) {
      changes = &by_metric_[std::string(labels.metric_name())][labels];
    }
    refs_.push_back(changes);
    return refs_.size() - 1;
  }

  Result<AppendOutcome> Append(const SampleBatch& batch) override {
    size_t added = 0;
    for (const RefSample& sample : batch.samples) {
      std::vector<Sample>* changes = refs_[sample.series];
      if (changes == nullptr) continue;
      if (!changes->empty() && changes->back().v == sample.sample.v) continue;
      changes->push_back(sample.sample);
      ++added;
    }
    held_ += added;
    TOCSIN_RETURN_IF_ERROR(budget_.Take(added));
    AppendOutcome outcome;
    outcome.samples = batch.samples.size();
    return outcome;
  }
  void SetMetadata(std::span<const MetricMetadata> /*metadata*/) override {}

  /// The last change before `t` stays: it says what the value is at `t`.
  void ForgetBefore(Millis t) {
    if (held_ < std::max(forget_at_, kForgetAtLeast)) return;
    size_t erased = 0;
    for (auto& [metric, all] : by_metric_) {
      for (auto& [labels, changes] : all) {
        const auto later = std::ranges::upper_bound(changes, t, {}, &Sample::t);
        if (later - changes.begin() < 2) continue;
        erased += static_cast<size_t>(later - 1 - changes.begin());
        changes.erase(changes.begin(), later - 1);
      }
    }
    held_ -= erased;
    budget_.Give(erased);
    forget_at_ = 2 * held_;
  }

  /// The series of each metric.
  const std::map<std::string, Ordered, std::less<>>& by_metric() const { return by_metric_; }
  bool overflowed() const { return overflowed_; }

 private:
  const std::set<std::string, std::less<>>& metrics_;
  SampleBudget& budget_;
  std::map<std::string, Ordered, std::less<>> by_metric_;
  std::vector<std::vector<Sample>*> refs_;  ///< Null: of a metric that is not kept.
  size_t held_ = 0;
  size_t forget_at_ = 0;
  bool overflowed_ = false;
};

SpanSeries::SpanSeries(const traceql::SpanSource& spans, SpanSeriesOptions options,
                       std::unique_ptr<generate::SpanMetrics> metrics, SampleBudget* budget)
    : options_(std::move(options)),
      interval_(options_.generator.collection_interval / kMillisecond),
      reader_(spans, options_.tenant, options_.generator.dimensions),
      metrics_(std::move(metrics)),
      changes_(std::make_unique<Changes>(options_.metrics, budget)),
      read_until_(options_.from) {}

SpanSeries::~SpanSeries() = default;

Result<std::unique_ptr<SpanSeries>> SpanSeries::Create(const traceql::SpanSource& spans,
                                                       SpanSeriesOptions options,
                                                       SampleBudget* budget) {
  TOCSIN_ASSIGN_OR_RETURN(auto metrics, generate::SpanMetrics::Create(options.generator));
  return std::unique_ptr<SpanSeries>(
      new SpanSeries(spans, std::move(options), std::move(metrics), budget));
}

bool SpanSeries::overflowed() const { return changes_->overflowed(); }

Status SpanSeries::ReadUntil(Millis t) const {
  const Millis last = std::min(t, options_.to);
  // Whole intervals, and many at once: each window looks at every block that touches it.
  const Millis window = std::max(kHourMillis / interval_, Millis{1}) * interval_;
  while (read_until_ + interval_ <= last) {
    const Millis next =
        std::min(read_until_ + window, options_.to - (options_.to - options_.from) % interval_);
    if (next <= read_until_) break;
    TOCSIN_RETURN_IF_ERROR(reader_.Read(InNanos(read_until_), InNanos(next), InNanos(interval_),
                                        [this](uint64_t end, const SpanBatch& spans) {
                                          spans_read_ += spans.rows();
                                          metrics_->Observe(spans);
                                          return metrics_->Collect(static_cast<Nanos>(end),
                                                                   *changes_);
                                        }));
    read_until_ = next;
  }
  return {};
}

Status SpanSeries::Scan(const promql::SeriesRequest& request, const Scanner& scanner) const {
  TOCSIN_RETURN_IF_ERROR(ReadUntil(request.to));
  const Millis until = std::min(request.to, read_until_);
  std::vector<std::pair<const Labels*, const std::vector<Sample>*>> matching;
  for (const auto& [metric, all] : changes_->by_metric()) {
    for (const auto& [labels, changes] : all) {
      const bool matches = !changes.empty() && changes.front().t <= until &&
                           promql::MatchesAll(request.matchers, labels);
      if (matches) matching.emplace_back(&labels, &changes);
    }
  }
  std::ranges::sort(matching, [](const auto& a, const auto& b) { return *a.first < *b.first; });
  std::vector<promql::LabelView> views;
  std::vector<Sample> samples;
  for (const auto& [labels, changes] : matching) {
    const Millis first = std::max(request.from, changes->front().t);
    // Up to the next collection.
    Millis t = options_.from + (first - options_.from + interval_ - 1) / interval_ * interval_;
    auto change = std::ranges::upper_bound(*changes, t, {}, &Sample::t);
    samples.clear();
    for (; t <= until; t += interval_) {
      while (change != changes->end() && change->t <= t) ++change;
      samples.push_back({t, std::prev(change)->v});
    }
    if (samples.empty()) continue;
    views.clear();
    for (const auto& [name, value] : *labels) views.push_back({name, value});
    TOCSIN_RETURN_IF_ERROR(scanner({views, samples}));
  }
  return {};
}

Result<std::vector<promql::SeriesData>> SpanSeries::Select(
    std::span<const promql::Matcher> matchers, Millis from, Millis to) const {
  return promql::SelectByScan(*this, {matchers, from, to, true});
}

void SpanSeries::ForgetBefore(Millis t) { changes_->ForgetBefore(t); }

}  // namespace tocsin::backtest
