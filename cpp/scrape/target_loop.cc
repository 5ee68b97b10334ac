#include "cpp/scrape/target_loop.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "cpp/base/format.h"
#include "cpp/base/log.h"
#include "cpp/base/version.h"
#include "cpp/lib/compression.h"

namespace tocsin::scrape {
namespace {

constexpr std::array<std::string_view, 8> kReportNames{"up",
                                                       "scrape_duration_seconds",
                                                       "scrape_samples_scraped",
                                                       "scrape_samples_post_metric_relabeling",
                                                       "scrape_series_added",
                                                       "scrape_timeout_seconds",
                                                       "scrape_sample_limit",
                                                       "scrape_body_size_bytes"};
constexpr size_t kPlainReport = 5;  // Without the extra ones.

double Seconds(Nanos nanos) { return static_cast<double>(nanos) / static_cast<double>(kSecond); }

std::string_view MediaRange(Protocol protocol) {
  switch (protocol) {
    case Protocol::kProtobuf:
      return "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
             "encoding=delimited";
    case Protocol::kOpenMetrics1:
      return "application/openmetrics-text;version=1.0.0;escaping=";
    case Protocol::kOpenMetrics001:
      return "application/openmetrics-text;version=0.0.1";
    case Protocol::kText1:
      return "text/plain;version=1.0.0;escaping=";
    case Protocol::kText004:
      return "text/plain;version=0.0.4";
  }
  return "";
}

/// The order is the preference, as Prometheus weighs it.
std::string AcceptHeader(const Job& job) {
  constexpr int kProtocols = 5;
  int weight = kProtocols + 1;
  std::string accept;
  for (const Protocol protocol : job.protocols) {
    const std::string_view range = MediaRange(protocol);
    accept.append(range).append(range.ends_with('=') ? job.escaping : "");
    accept.append(";q=0.").append(std::to_string(weight--)).append(",");
  }
  return accept.append("*/*;q=0.").append(std::to_string(weight));
}

}  // namespace

std::string_view HealthName(Health health) {
  switch (health) {
    case Health::kUp:
      return "up";
    case Health::kDown:
      return "down";
    case Health::kUnknown:
      break;
  }
  return "unknown";
}

std::shared_ptr<const ScrapePlan> MakePlan(const Job& job, Target target,
                                           const http::FetchFunction& fetch, std::stop_token stop) {
  auto plan = std::make_shared<ScrapePlan>();
  plan->pool = job.name;
  plan->labels = target.PublicLabels();
  plan->rules = {job.rules, job.sample_limit, job.bucket_limit, job.min_bucket_factor};
  plan->rules.samples.native_histograms = target.native_histograms;
  plan->rules.samples.classic_histograms = target.classic_histograms;
  plan->rules.samples.convert_classic = target.convert_classic;
  plan->body_size_limit = job.body_size_limit == 0 ? kMaxBody : job.body_size_limit;
  plan->extra_metrics = job.extra_metrics;
  plan->spread = job.spread;
  plan->fallback_media_type = job.fallback_media_type;
  plan->request.url = target.url;
  plan->request.timeout = target.timeout;
  plan->request.stop = std::move(stop);
  plan->request.max_response_bytes = plan->body_size_limit - 1;
  plan->request.headers = {
      {"Accept", AcceptHeader(job)},
      {"Accept-Encoding", job.compression ? "gzip" : "identity"},
      {"User-Agent", "Tocsin/" + std::string(Version())},
      {"X-Prometheus-Scrape-Timeout-Seconds", FormatGoFixed(Seconds(target.timeout))}};
  plan->fetch = fetch;
  plan->target = std::move(target);
  return plan;
}

/// One scrape while it runs.
struct TargetLoop::Scrape {
  Millis time = 0;
  Nanos start = 0;
  Status error;
  double bytes = 0;  // As scrape_body_size_bytes has it.
  std::string body;
  Format format = Format::kText;
  CollectCounts counts;
  Collected collected;
  std::vector<SeriesRef> ended;
};

TargetLoop::TargetLoop(std::shared_ptr<const ScrapePlan> plan, const ScraperPorts& ports,
                       ScrapeMetrics* metrics)
    : sink_(*ports.sink), clock_(*ports.clock), metrics_(*metrics), plan_(std::move(plan)) {}

bool TargetLoop::CanTake(const ScrapePlan& plan) const {
  const std::lock_guard lock(mutex_);
  return plan.pool == plan_->pool && plan.rules.samples == plan_->rules.samples;
}

void TargetLoop::Take(std::shared_ptr<const ScrapePlan> plan) {
  const std::lock_guard lock(mutex_);
  if (plan->target.interval != plan_->target.interval) next_due_.reset();
  plan_ = std::move(plan);
}

void TargetLoop::SetRefusal(Status refusal) {
  const std::lock_guard lock(mutex_);
  refusal_ = std::move(refusal);
}

Nanos TargetLoop::NextDue(Nanos now) {
  const std::lock_guard lock(mutex_);
  if (!next_due_.has_value()) {
    next_due_ = now + (plan_->spread ? plan_->target.OffsetFrom(now) : 0);
  }
  return *next_due_;
}

std::optional<Nanos> TargetLoop::Begin(Nanos now) {
  const std::lock_guard lock(mutex_);
  const Nanos interval = plan_->target.interval;
  const Nanos due = next_due_.value_or(now);
  const Nanos missed = (now - due) / interval;
  const Nanos nominal = due + missed * interval;
  next_due_ = nominal + interval;
  if (running_) return std::nullopt;
  running_ = true;
  // Equal distances compress better, so a wake-up that is a little late is overlooked.
  const Nanos tolerance = std::min(interval / 100, 2 * kMillisecond);
  return now - nominal <= tolerance ? nominal : now;
}

void TargetLoop::Abandon() {
  const std::lock_guard lock(mutex_);
  running_ = false;
}

bool TargetLoop::running() const {
  const std::lock_guard lock(mutex_);
  return running_;
}

void TargetLoop::Run(Nanos time) {
  std::shared_ptr<const ScrapePlan> plan;
  Scrape scrape;
  scrape.time = time / kMillisecond;
  scrape.start = clock_.Now();
  {
    const std::lock_guard lock(mutex_);
    plan = plan_;
    scrape.error = refusal_;
  }
  if (scrape.error.ok()) {
    Result<http::Response> response = Fetch(*plan, &scrape);
    if (response.has_value()) {
      scrape.body = std::move(response->body);
      scrape.bytes = static_cast<double>(scrape.body.size());
    } else {
      scrape.error = response.error();
    }
  }
  Nanos took = 0;
  // When we stop the target is not down, and its series do not end.
  if (scrape.error.code() != StatusCode::kCancelled) {
    const std::lock_guard lock(series_mutex_);
    Collect(*plan, &scrape);
    took = clock_.Now() - scrape.start;
    AddReport(*plan, scrape, took, &scrape.collected);
    Store(*plan, &scrape);
  }
  const std::lock_guard lock(mutex_);
  health_ = scrape.error.ok() ? Health::kUp : Health::kDown;
  last_error_ = scrape.error.message();
  last_scrape_ = time;
  last_duration_ = took;
  running_ = false;
}

Result<http::Response> TargetLoop::Fetch(const ScrapePlan& plan, Scrape* scrape) const {
  const auto too_large = [&] {
    metrics_.body_size_limit.Add(1);
    scrape->bytes = -1;
    return ResourceExhaustedError("body size limit exceeded");
  };
  Result<http::Response> response = plan.fetch(plan.request);
  if (!response.has_value()) {
    if (response.error().code() == StatusCode::kResourceExhausted) return too_large();
    return response;
  }
  if (response->status != 200) {
    return UnavailableError("server returned HTTP status " + std::to_string(response->status) +
                            " " + std::string(http::ReasonPhrase(response->status)));
  }
  if (response->Header("content-encoding") == "gzip") {
    Result<std::string> body = lib::Gunzip(response->body, plan.request.max_response_bytes);
    if (!body.has_value()) {
      if (body.error().code() == StatusCode::kResourceExhausted) return too_large();
      return Failure(body.error());
    }
    response->body = *std::move(body);
  }
  // An empty answer is a scrape that succeeds and has nothing, whatever its format.
  if (response->body.empty()) return response;
  TOCSIN_ASSIGN_OR_RETURN(scrape->format,
                          FormatOf(response->Header("content-type"), plan.fallback_media_type));
  return response;
}

void TargetLoop::Collect(const ScrapePlan& plan, Scrape* scrape) {
  const auto end = [&](SeriesRef series) { scrape->ended.push_back(series); };
  series_.Begin();
  if (scrape->error.ok() && !scrape->body.empty()) {
    SampleCollector collector(plan.rules, plan.labels, &sink_, scrape->time);
    scrape->error =
        collector.Collect(scrape->body, scrape->format, &series_, &metadata_, &scrape->collected);
    scrape->counts = collector.counts();
    if (scrape->error.ok()) {
      series_.EndWhole(end);
    } else {
      scrape->collected = {};
    }
  }
  if (!scrape->error.ok() || scrape->body.empty()) series_.EndEmpty(end);
  std::unordered_set<SeriesRef> present;
  if (!owed_.empty()) series_.AddTracked(&present);
  for (const SeriesRef series : owed_) {
    if (present.insert(series).second) scrape->ended.push_back(series);
  }
  owed_.clear();
  for (const SeriesRef series : scrape->ended) {
    scrape->collected.samples.push_back({series, {scrape->time, StaleNan()}});
  }
}

std::vector<SeriesRef> TargetLoop::ReportSeries(const ScrapePlan& plan) {
  std::vector<SeriesRef> series;
  for (const std::string_view name : kReportNames) {
    if (series.size() == kPlainReport && !plan.extra_metrics) break;
    series.push_back(
        sink_.Ref(JoinLabels({{std::string(kMetricName), std::string(name)}}, plan.labels, false)));
  }
  return series;
}

void TargetLoop::AddReport(const ScrapePlan& plan, const Scrape& scrape, Nanos took,
                           Collected* out) {
  const size_t wanted = plan.extra_metrics ? kReportNames.size() : kPlainReport;
  if (report_.size() != wanted) report_ = ReportSeries(plan);
  const std::array<double, kReportNames.size()> values{scrape.error.ok() ? 1.0 : 0.0,
                                                       Seconds(took),
                                                       static_cast<double>(scrape.counts.scraped),
                                                       static_cast<double>(scrape.counts.kept),
                                                       static_cast<double>(scrape.counts.added),
                                                       Seconds(plan.target.timeout),
                                                       static_cast<double>(plan.rules.sample_limit),
                                                       scrape.bytes};
  for (size_t i = 0; i < report_.size(); ++i) {
    out->samples.push_back({report_[i], {scrape.time, values[i]}});
  }
}

void TargetLoop::Store(const ScrapePlan& plan, Scrape* scrape) {
  // First, as whoever hears of the samples asks what they are.
  if (!scrape->collected.metadata.empty()) sink_.SetMetadata(scrape->collected.metadata);
  const Result<AppendOutcome> outcome = sink_.Append(scrape->collected.batch());
  if (!outcome.has_value()) {
    log::Error("scrape not stored",
               {{"url", plan.target.url}, {"err", outcome.error().ToString()}});
    owed_ = std::move(scrape->ended);
    if (scrape->error.ok()) scrape->error = outcome.error();
    return;
  }
  metrics_.duplicates.Add(static_cast<double>(outcome->duplicates + scrape->counts.duplicates));
  metrics_.out_of_order.Add(static_cast<double>(outcome->out_of_order));
  metrics_.out_of_bounds.Add(static_cast<double>(outcome->out_of_bounds + scrape->counts.too_far));
  if (outcome->refused() > 0) {
    log::Warn("scraped samples refused", {{"url", plan.target.url},
                                          {"count", static_cast<uint64_t>(outcome->refused())},
                                          {"err", outcome->first_refusal}});
  }
  if (scrape->error.ok()) return;
  log::Debug("scrape failed", {{"url", plan.target.url}, {"err", scrape->error.ToString()}});
  const std::string_view why = scrape->error.message();
  if (why == "sample limit exceeded") metrics_.sample_limit.Add(1);
  if (why == "histogram bucket limit exceeded") metrics_.bucket_limit.Add(1);
  if (why.starts_with("label_")) metrics_.label_limits.Add(1);
}

ActiveTarget TargetLoop::Describe() const {
  const std::lock_guard lock(mutex_);
  return {plan_->pool,
          plan_->target.discovered,
          plan_->labels,
          plan_->target.url,
          plan_->target.interval,
          plan_->target.timeout,
          health_,
          last_error_,
          last_scrape_,
          last_duration_};
}

std::vector<MetricMetadata> TargetLoop::Metadata() const {
  const std::lock_guard lock(series_mutex_);
  return metadata_.All();
}

void TargetLoop::AddTracked(std::unordered_set<SeriesRef>* refs) const {
  const std::lock_guard lock(series_mutex_);
  series_.AddTracked(refs);
  refs->insert(report_.begin(), report_.end());
}

void TargetLoop::EndSeries(const std::unordered_set<SeriesRef>& alive, Millis time) {
  const std::lock_guard lock(series_mutex_);
  std::unordered_set<SeriesRef> series(owed_.begin(), owed_.end());
  series_.AddTracked(&series);
  series.insert(report_.begin(), report_.end());
  std::vector<RefSample> ends;
  for (const SeriesRef ref : series) {
    if (!alive.contains(ref)) ends.push_back({ref, {time, StaleNan()}});
  }
  if (ends.empty()) return;
  if (const Status status = sink_.Put({.samples = ends}); !status.ok()) {
    log::Error("ends of series not stored", {{"err", status.ToString()}});
  }
}

}  // namespace tocsin::scrape
