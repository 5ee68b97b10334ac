#include "cpp/deliver/remote_write.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <ctime>
#include <string_view>
#include <utility>

#include "cpp/base/coding.h"
#include "cpp/base/log.h"
#include "cpp/base/version.h"
#include "cpp/lib/compression.h"

namespace tocsin::deliver {
namespace {

// Without a listener, how often the log is looked at.
constexpr Nanos kPoll = 500 * kMillisecond;
// After a failure of our own disk.
constexpr Nanos kReadRetry = kSecond;
constexpr Nanos kSaveInterval = kSecond;
constexpr Nanos kWarnInterval = kMinute;
// What a receiver may ask for with Retry-After; more is taken for a mistake.
constexpr Nanos kMaxRetryAfter = 5 * kMinute;
constexpr size_t kMaxAnswerBytes = 64 << 10;

std::string EncodePosition(const LogPosition& position) {
  std::string bytes;
  PutVarint64(&bytes, position.segment);
  PutVarint64(&bytes, position.offset);
  PutVarint64(&bytes, position.index);
  return bytes;
}

std::optional<LogPosition> DecodePosition(std::string_view bytes) {
  LogPosition position;
  for (uint64_t* part : {&position.segment, &position.offset, &position.index}) {
    const std::optional<uint64_t> value = GetVarint64(&bytes);
    if (!value.has_value()) return std::nullopt;
    *part = *value;
  }
  return bytes.empty() ? std::optional(position) : std::nullopt;
}

// How long `Retry-After` asks to wait: seconds, or a date as "Wed, 21 Oct 2026 07:28:00 GMT"; 0 for
// anything else.
Nanos ParseRetryAfter(const std::string& text, Nanos now) {
  int64_t seconds = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, seconds);
  if (error != std::errc() || rest != end) {
    std::tm date{};
    const char* parsed = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date);
    if (parsed == nullptr || *parsed != '\0') return 0;
    seconds = ::timegm(&date) - (now / kSecond);
  }
  return std::clamp<int64_t>(seconds, 0, kMaxRetryAfter / kSecond) * kSecond;
}

}  // namespace

Result<std::optional<LogPosition>> SavedPosition(const StateStore& state, std::string_view name) {
  TOCSIN_ASSIGN_OR_RETURN(const auto saved, state.Load());
  for (const auto& [key, value] : saved) {
    if (key != name) continue;
    const std::optional<LogPosition> position = DecodePosition(value);
    if (!position.has_value()) {
      return CorruptionError("the saved position of remote write " + key + " makes no sense");
    }
    return position;
  }
  return std::optional<LogPosition>();
}

/// The names are Prometheus's, so that its dashboards and alerts show this sender.
struct RemoteWriter::Metrics {
  using Labels = Telemetry::MetricLabels;

  Metrics(Telemetry& t, const Labels& l)
      : samples(t.GetCounter("prometheus_remote_storage_samples_total",
                             "Samples sent to the receiver.", l)),
        samples_failed(t.GetCounter("prometheus_remote_storage_samples_failed_total",
                                    "Samples that the receiver refused for good.", l)),
        samples_retried(t.GetCounter("prometheus_remote_storage_samples_retried_total",
                                     "Samples that were sent again after a failure.", l)),
        too_old(t.GetCounter("prometheus_remote_storage_samples_dropped_total",
                             "Samples dropped before they were sent.", With(l, "too_old"))),
        unknown(t.GetCounter("prometheus_remote_storage_samples_dropped_total",
                             "Samples dropped before they were sent.", With(l, "unknown_series"))),
        exemplars(t.GetCounter("prometheus_remote_storage_exemplars_total",
                               "Exemplars sent to the receiver.", l)),
        exemplars_failed(t.GetCounter("prometheus_remote_storage_exemplars_failed_total",
                                      "Exemplars that the receiver refused for good.", l)),
        exemplars_retried(t.GetCounter("prometheus_remote_storage_exemplars_retried_total",
                                       "Exemplars that were sent again after a failure.", l)),
        bytes(t.GetCounter("prometheus_remote_storage_bytes_total",
                           "Bytes of compressed samples sent.", l)),
        gaps(t.GetCounter("tocsin_remote_write_gaps_total",
                          "Times that the log no longer had what was still to be sent.", l)),
        samples_pending(t.GetGauge("prometheus_remote_storage_samples_pending",
                                   "Samples of the batch at hand.", l)),
        exemplars_pending(t.GetGauge("prometheus_remote_storage_exemplars_pending",
                                     "Exemplars of the batch at hand.", l)),
        highest_in(t.GetGauge("prometheus_remote_storage_highest_timestamp_in_seconds",
                              "Time of the newest sample that was appended.", l)),
        highest_sent(t.GetGauge("prometheus_remote_storage_queue_highest_sent_timestamp_seconds",
                                "Time of the newest sample that was sent.", l)),
        duration(t.GetHistogram("prometheus_remote_storage_sent_batch_duration_seconds",
                                "Time that requests took.",
                                {.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 25, 60}, l)) {}

  static Labels With(Labels labels, const std::string& reason) {
    labels.emplace_back("reason", reason);
    return labels;
  }

  Counter& samples;
  Counter& samples_failed;
  Counter& samples_retried;
  Counter& too_old;
  Counter& unknown;
  Counter& exemplars;
  Counter& exemplars_failed;
  Counter& exemplars_retried;
  Counter& bytes;
  Counter& gaps;
  Gauge& samples_pending;
  Gauge& exemplars_pending;
  Gauge& highest_in;
  Gauge& highest_sent;
  Histogram& duration;
};

RemoteWriter::RemoteWriter(RemoteWriteOptions options, std::unique_ptr<SampleReader> reader,
                           RemoteWritePorts ports)
    : options_(std::move(options)),
      ports_(std::move(ports)),
      reader_(std::move(reader)),
      metrics_(std::make_unique<Metrics>(
          *ports_.telemetry,
          Metrics::Labels{{"remote_name", options_.name}, {"url", options_.url}})),
      sent_to_(reader_->position()) {}

RemoteWriter::~RemoteWriter() { Stop(0); }

// The thread.

void RemoteWriter::Start() {
  thread_ = std::thread([this] { Run(); });
}

void RemoteWriter::Stop(Nanos flush) {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    flush_until_ = ports_.clock->Now() + flush;
  }
  changed_.notify_all();
  if (!thread_.joinable()) return;
  {
    std::unique_lock lock(mutex_);
    const bool answered = changed_.wait_for(lock, std::chrono::nanoseconds(kStopGrace),
                                            [this] { return draining_.load(); });
    if (!answered) abandon_.request_stop();
  }
  thread_.join();
}

void RemoteWriter::OnAppend(const SampleBatch& kept, const LabelSource& /*labels*/) {
  Millis newest = INT64_MIN;
  for (const RefSample& sample : kept.samples) newest = std::max(newest, sample.sample.t);
  if (!kept.samples.empty()) metrics_->highest_in.Set(static_cast<double>(newest) / 1'000);
  {
    const std::lock_guard lock(mutex_);
    appended_ = true;
  }
  changed_.notify_one();
}

void RemoteWriter::Run() {
  while (true) {
    const Nanos wait = Step();
    std::unique_lock lock(mutex_);
    const bool woken = changed_.wait_for(lock, std::chrono::nanoseconds(wait),
                                         [this] { return stopping_ || appended_; });
    appended_ = false;
    if (woken && stopping_) break;
  }
  {
    const std::lock_guard lock(mutex_);
    draining_ = true;
  }
  changed_.notify_all();
  // Nothing is lost by what is not sent now: the next process goes on at the saved position.
  while (ports_.clock->Now() < flush_until_ && Step() == 0) {
  }
  SavePosition(ports_.clock->Now(), true);
}

// The batch.

std::optional<size_t> RemoteWriter::SeriesOf(SeriesRef ref) {
  const auto it = batch_index_.find(ref);
  if (it != batch_index_.end()) return it->second;
  Labels labels = ports_.labels->LabelsOf(ref);
  if (labels.empty()) return std::nullopt;
  for (const auto& [name, value] : options_.external_labels) {
    if (!labels.Has(name)) labels.Set(name, value);
  }
  const size_t index = batch_.series.size();
  batch_.series.push_back({std::move(labels), {}, {}});
  batch_index_.emplace(ref, index);
  return index;
}

void RemoteWriter::Add(SampleReader::Run&& run, Nanos now) {
  if (run.gap) {
    metrics_->gaps.Add(1);
    log::Error("remote write: samples were lost before they could be sent",
               {{"name", options_.name}, {"url", options_.url}});
  }
  if (batch_.series.empty()) batch_since_ = now;
  const Millis oldest = options_.max_age > 0 ? (now - options_.max_age) / kMillisecond : INT64_MIN;
  for (const RefSample& sample : run.samples) {
    if (sample.sample.t < oldest) {
      metrics_->too_old.Add(1);
      continue;
    }
    const std::optional<size_t> series = SeriesOf(sample.series);
    if (!series.has_value()) {
      metrics_->unknown.Add(1);
      continue;
    }
    batch_.series[*series].samples.push_back(sample.sample);
    ++batch_.samples;
  }
  if (!options_.send_exemplars) return;
  for (RefExemplar& exemplar : run.exemplars) {
    const std::optional<size_t> series =
        exemplar.exemplar.t < oldest ? std::nullopt : SeriesOf(exemplar.series);
    if (!series.has_value()) continue;
    batch_.series[*series].exemplars.push_back(std::move(exemplar.exemplar));
    ++batch_.exemplars;
  }
}

void RemoteWriter::Fill(Nanos now) {
  while (batch_.samples + batch_.exemplars < options_.max_samples_per_send) {
    auto run = reader_->Next(options_.max_samples_per_send - batch_.samples - batch_.exemplars);
    if (!run.has_value()) {
      log::Warn("remote write: cannot read the sample log",
                {{"name", options_.name}, {"reason", run.error().message()}});
      return;
    }
    if (run->samples.empty() && run->exemplars.empty() && !run->gap) return;
    Add(*std::move(run), now);
  }
}

void RemoteWriter::CloseBatch() {
  sent_to_ = reader_->position();
  batch_index_.clear();
  splits_ = 0;
  pieces_.push_back(std::exchange(batch_, Piece()));
}

Nanos RemoteWriter::Step() {
  const Nanos now = ports_.clock->Now();
  if (pieces_.empty()) {
    Fill(now);
    if (batch_.series.empty()) {
      sent_to_ = reader_->position();  // Whatever was read was dropped.
      SavePosition(now, false);
      return kPoll;
    }
    const Nanos due = batch_since_ + options_.batch_send_deadline;
    const bool full = batch_.samples + batch_.exemplars >= options_.max_samples_per_send;
    if (!full && now < due && !draining_) {
      return std::min(due - now, kPoll);
    }
    CloseBatch();
  }
  if (now < retry_at_) return retry_at_ - now;
  return SendFront(now);
}

// Sending.

Nanos RemoteWriter::SendFront(Nanos now) {
  Piece& piece = pieces_.front();
  if (body_.empty()) body_ = lib::SnappyCompress(wire::EncodeWriteRequest(piece.series));
  http::ClientRequest request;
  request.method = "POST";
  request.url = options_.url;
  request.headers = options_.headers;
  request.headers.emplace_back("Content-Encoding", "snappy");
  request.headers.emplace_back("Content-Type", "application/x-protobuf");
  request.headers.emplace_back("X-Prometheus-Remote-Write-Version", "0.1.0");
  request.headers.emplace_back("User-Agent", "Tocsin/" + std::string(Version()));
  if (attempt_ > 0) request.headers.emplace_back("Retry-Attempt", std::to_string(attempt_));
  request.body = body_;
  request.timeout =
      draining_ ? std::min(options_.remote_timeout, kStopGrace) : options_.remote_timeout;
  request.stop = abandon_.get_token();
  request.max_response_bytes = kMaxAnswerBytes;
  metrics_->samples_pending.Set(static_cast<double>(piece.samples));
  metrics_->exemplars_pending.Set(static_cast<double>(piece.exemplars));
  const Result<http::Response> response = ports_.fetch(request);
  const Nanos after = ports_.clock->Now();
  metrics_->duration.Observe(static_cast<double>(after - now) / kSecond);

  switch (Judge(response, after)) {
    case Outcome::kSent:
      metrics_->samples.Add(static_cast<double>(piece.samples));
      metrics_->exemplars.Add(static_cast<double>(piece.exemplars));
      metrics_->bytes.Add(static_cast<double>(body_.size()));
      for (const wire::WriteSeries& series : piece.series) {
        if (series.samples.empty()) continue;
        newest_sent_ = std::max(newest_sent_, series.samples.back().t);
      }
      metrics_->highest_sent.Set(static_cast<double>(newest_sent_) / 1'000);
      FinishFront();
      break;
    case Outcome::kRetry: {
      metrics_->samples_retried.Add(static_cast<double>(piece.samples));
      metrics_->exemplars_retried.Add(static_cast<double>(piece.exemplars));
      const int doublings = std::min(attempt_++, 30);
      const Nanos backoff = std::min(options_.max_backoff, options_.min_backoff << doublings);
      retry_at_ = after + std::max(backoff, retry_after_);
      return std::max<Nanos>(retry_at_ - after, 1);
    }
    case Outcome::kSplit:
      Split();
      break;
    case Outcome::kDrop:
      Drop("the receiver refuses it");
      break;
  }
  SavePosition(after, false);
  return 0;
}

RemoteWriter::Outcome RemoteWriter::Judge(const Result<http::Response>& response, Nanos now) {
  retry_after_ = 0;
  if (response.has_value() && response->status / 100 == 2) return Outcome::kSent;
  if (warned_at_ == 0 || now >= warned_at_ + kWarnInterval) {
    warned_at_ = now;
    const std::string reason = response.has_value() ? std::to_string(response->status) + " " +
                                                          response->body.substr(0, 256)
                                                    : response.error().ToString();
    log::Warn("remote write: a request failed",
              {{"name", options_.name}, {"url", options_.url}, {"reason", reason}});
  }
  if (!response.has_value()) return Outcome::kRetry;
  const int status = response->status;
  if (status / 100 == 5 || (status == 429 && options_.retry_on_http_429)) {
    retry_after_ = ParseRetryAfter(std::string(response->Header("retry-after")), now);
    return Outcome::kRetry;
  }
  return status == 400 || status == 413 ? Outcome::kSplit : Outcome::kDrop;
}

void RemoteWriter::FinishFront() {
  pieces_.pop_front();
  body_.clear();
  attempt_ = 0;
  retry_at_ = 0;
}

void RemoteWriter::Drop(std::string_view reason) {
  const Piece& piece = pieces_.front();
  metrics_->samples_failed.Add(static_cast<double>(piece.samples));
  metrics_->exemplars_failed.Add(static_cast<double>(piece.exemplars));
  log::Debug("remote write: dropped",
             {{"name", options_.name}, {"samples", uint64_t{piece.samples}}, {"reason", reason}});
  FinishFront();
}

void RemoteWriter::Split() {
  Piece whole = std::move(pieces_.front());
  const bool one_series = whole.series.size() == 1;
  const size_t parts = one_series ? whole.samples + whole.exemplars : whole.series.size();
  if (parts <= 1 || splits_ >= kMaxSplits) {
    pieces_.front() = std::move(whole);
    return Drop("the receiver does not take it");
  }
  ++splits_;
  FinishFront();
  // Each half keeps the order; the first goes first.
  std::vector<wire::WriteSeries> first;
  std::vector<wire::WriteSeries> second;
  if (one_series) {
    wire::WriteSeries& series = whole.series.front();
    // Exemplars apart from samples, as either may be what is refused.
    const auto half = static_cast<std::ptrdiff_t>(
        series.exemplars.empty() ? series.samples.size() / 2 : series.samples.size());
    const auto half_exemplars =
        static_cast<std::ptrdiff_t>(series.samples.empty() ? series.exemplars.size() / 2 : 0);
    first.push_back({series.labels,
                     {series.samples.begin(), series.samples.begin() + half},
                     {series.exemplars.begin(), series.exemplars.begin() + half_exemplars}});
    second.push_back({series.labels,
                      {series.samples.begin() + half, series.samples.end()},
                      {series.exemplars.begin() + half_exemplars, series.exemplars.end()}});
  } else {
    const auto middle = whole.series.begin() + static_cast<std::ptrdiff_t>(whole.series.size() / 2);
    first.assign(std::make_move_iterator(whole.series.begin()), std::make_move_iterator(middle));
    second.assign(std::make_move_iterator(middle), std::make_move_iterator(whole.series.end()));
  }
  for (auto* half : {&second, &first}) {
    Piece piece;
    piece.series = std::move(*half);
    for (const wire::WriteSeries& series : piece.series) {
      piece.samples += series.samples.size();
      piece.exemplars += series.exemplars.size();
    }
    pieces_.push_front(std::move(piece));
  }
}

void RemoteWriter::SavePosition(Nanos now, bool force) {
  // While pieces are left, only what lies before the batch is done with. The very first position is
  // saved too: a crash before the first answer must not begin at the end of the log again.
  if (!pieces_.empty() || sent_to_ == saved_to_) return;
  if (!force && now < saved_at_ + kSaveInterval) return;
  saved_at_ = now;
  const StateChange change{options_.name, EncodePosition(sent_to_)};
  if (const Status saved = ports_.state->Save({&change, 1}); !saved.ok()) {
    log::Warn("remote write: cannot save the position",
              {{"name", options_.name}, {"reason", saved.message()}});
    return;
  }
  saved_to_ = sent_to_;
  reader_->Release(sent_to_);
}

}  // namespace tocsin::deliver
