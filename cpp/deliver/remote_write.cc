#include "cpp/deliver/remote_write.h"

#include <algorithm>
#include <chrono>
#include <initializer_list>
#include <string>
#include <utility>

#include "cpp/base/coding.h"
#include "cpp/base/log.h"
#include "cpp/http/url.h"

namespace tocsin::deliver {
namespace {

// Without a listener, how often the log is looked at.
constexpr Nanos kPoll = 500 * kMillisecond;
constexpr Nanos kSaveInterval = kSecond;
// Of the log, between two looks at everything else.
constexpr int kRunsAtOnce = 16;

std::string EncodePosition(const LogPosition& position) {
  std::string bytes;
  PutVarint64(&bytes, position.segment);
  PutVarint64(&bytes, position.offset);
  PutVarint64(&bytes, position.index);
  if (position.before.has_value()) {
    PutVarint64(&bytes, position.before->samples);
    PutVarint64(&bytes, position.before->histograms);
    PutVarint64(&bytes, position.before->exemplars);
  }
  return bytes;
}

bool TakeNumbers(std::string_view* bytes, std::initializer_list<uint64_t*> numbers) {
  for (uint64_t* number : numbers) {
    const std::optional<uint64_t> value = GetVarint64(bytes);
    if (!value.has_value()) return false;
    *number = *value;
  }
  return true;
}

std::optional<LogPosition> DecodePosition(std::string_view bytes) {
  LogPosition position;
  if (!TakeNumbers(&bytes, {&position.segment, &position.offset, &position.index})) {
    return std::nullopt;
  }
  if (bytes.empty()) return position;
  SampleTally& before = position.before.emplace();
  if (!TakeNumbers(&bytes, {&before.samples, &before.histograms, &before.exemplars})) {
    return std::nullopt;
  }
  return bytes.empty() ? std::optional(position) : std::nullopt;
}

RemoteWriteOptions Checked(RemoteWriteOptions options) {
  options.max_samples_per_send = std::max<size_t>(options.max_samples_per_send, 1);
  options.max_metadata_per_send = std::max<size_t>(options.max_metadata_per_send, 1);
  options.capacity = std::max(options.capacity, options.max_samples_per_send);
  options.min_shards = std::max(options.min_shards, 1U);
  options.max_shards = std::max(options.max_shards, options.min_shards);
  return options;
}

// Neighbouring refs go to different shards.
size_t ShardOf(SeriesRef ref, size_t shards) {
  constexpr uint64_t kMix = 0x9E3779B97F4A7C15;
  return static_cast<size_t>((ref * kMix) >> 32) % shards;
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

RemoteWriter::RemoteWriter(RemoteWriteOptions options, std::unique_ptr<SampleReader> reader,
                           RemoteWritePorts ports)
    : options_(Checked(std::move(options))),
      ports_(std::move(ports)),
      reader_(std::move(reader)),
      metrics_(options_, ports_.telemetry),
      client_(options_, ports_, &metrics_),
      progress_(reader_->position()),
      series_(options_, ports_),
      metadata_(options_, ports_, &client_, &metrics_),
      wanted_shards_(options_.min_shards) {
  SetShards(wanted_shards_);
  metrics_.shards_desired.Set(static_cast<double>(wanted_shards_));
}

RemoteWriter::~RemoteWriter() { Stop(0); }

WriteShardContext RemoteWriter::ShardContext() {
  return {.options = &options_,
          .clock = ports_.clock,
          .client = &client_,
          .metrics = &metrics_,
          .progress = &progress_,
          .rates = &rates_,
          .last_sent = &last_sent_,
          .newest_sent = &newest_sent_,
          .on_progress = [this] {
            {
              const std::lock_guard lock(mutex_);
              woken_ = true;
            }
            changed_.notify_all();
          }};
}

// The threads.

void RemoteWriter::Start() {
  threads_ = true;
  for (const auto& shard : shards_) shard->Start();
  thread_ = std::thread([this] { Run(); });
}

void RemoteWriter::Stop(Nanos flush) {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    flush_until_ = ports_.clock->Now() + flush;
  }
  client_.Drain();
  changed_.notify_all();
  if (!thread_.joinable()) return;
  {
    // Requests that began before may have a long time-out.
    std::unique_lock lock(mutex_);
    const auto grace = std::chrono::steady_clock::now() + std::chrono::nanoseconds(kStopGrace);
    while (!drained_ && client_.HasPatientRequests()) {
      if (changed_.wait_until(lock, grace) == std::cv_status::timeout) {
        if (client_.HasPatientRequests()) client_.Abandon();
        break;
      }
    }
  }
  thread_.join();
}

void RemoteWriter::OnAppend(const SampleBatch& kept, const LabelSource& /*labels*/) {
  const Millis newest = NewestOf(kept);
  if (newest > newest_in_.load(std::memory_order_relaxed)) {
    newest_in_.store(newest, std::memory_order_relaxed);
    metrics_.highest_in.Set(static_cast<double>(newest) / 1'000);
  }
  rates_.In(kept.samples.size() + kept.histograms.size() +
            (options_.send_exemplars ? kept.exemplars.size() : 0));
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
  }
  changed_.notify_one();
}

void RemoteWriter::WaitForWork(Nanos longest) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::nanoseconds(longest),
                    [this] { return stopping_ || woken_; });
  woken_ = false;
}

void RemoteWriter::Run() {
  const auto stopping = [this] {
    const std::lock_guard lock(mutex_);
    return stopping_;
  };
  while (!stopping()) {
    const Fed fed = Feed(ports_.clock->Now());
    const Nanos wait = std::min(Chores(), kPoll);
    if (fed != Fed::kSome && wait > 0) WaitForWork(wait);
  }
  Drain();
  {
    const std::lock_guard lock(mutex_);
    drained_ = true;
  }
  changed_.notify_all();
}

// Nothing is lost by what is not sent now: the next process goes on at the saved position.
void RemoteWriter::Drain() {
  const auto until = [this] {
    const std::lock_guard lock(mutex_);
    return flush_until_;
  };
  wanted_shards_ = shards_.size();
  for (const auto& shard : shards_) shard->Flush();  // Wakes it.
  const auto gave_up = [](const auto& shard) { return shard->gave_up(); };
  while (ports_.clock->Now() < until() && std::ranges::none_of(shards_, gave_up)) {
    const Fed fed = Feed(ports_.clock->Now());
    if (fed == Fed::kAll && progress_.idle()) break;
    if (fed == Fed::kSome) continue;
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::nanoseconds(kPoll), [this] { return woken_; });
    woken_ = false;
  }
  if (!progress_.idle()) client_.Abandon();
  for (const auto& shard : shards_) shard->Stop();
  SavePosition(ports_.clock->Now(), true);
}

// What is to be done beside the feeding. Returns how long it may wait until the next time.
Nanos RemoteWriter::Chores() {
  const Nanos now = ports_.clock->Now();
  Reshard(now);
  series_.Sweep(now);
  const Nanos wait = metadata_.Step(now);
  SavePosition(ports_.clock->Now(), false);
  return wait;
}

Nanos RemoteWriter::Step() {
  const Fed fed = Feed(ports_.clock->Now());
  Chores();
  Nanos wait = fed == Fed::kSome ? 0 : INT64_MAX;
  for (const auto& shard : shards_) wait = std::min(wait, shard->Step());
  SavePosition(ports_.clock->Now(), false);
  return wait;
}

// Feeding the shards.

bool RemoteWriter::HasRoom() const {
  return std::ranges::all_of(
      shards_, [this](const auto& shard) { return shard->queued() < options_.capacity; });
}

RemoteWriter::Fed RemoteWriter::Feed(Nanos now) {
  if (wanted_shards_ != shards_.size()) {
    // A series must not overtake itself on its way through another shard.
    if (!progress_.idle()) return Fed::kFull;
    SetShards(wanted_shards_);
  }
  for (int i = 0; i < kRunsAtOnce; ++i) {
    if (!HasRoom()) {
      metrics_.enqueue_retries.Add(1);
      return Fed::kFull;
    }
    auto run = reader_->Next(options_.max_samples_per_send);
    if (!run.has_value()) {
      log::Warn("remote write: cannot read the sample log",
                {{"name", options_.name}, {"reason", run.error().message()}});
      return Fed::kAll;
    }
    if (run->samples.empty() && run->histograms.empty() && run->exemplars.empty() && !run->gap) {
      return Fed::kAll;
    }
    Distribute(*std::move(run), now);
  }
  return Fed::kSome;
}

// Is it to be sent? Then it is given its series.
bool RemoteWriter::Wants(ItemKind kind, SeriesRef series, Millis t, Nanos now, WriteItem* item) {
  const auto drop = [&](DropReason reason) {
    metrics_.Dropped(kind, reason);
    rates_.Dropped(1);
    return false;
  };
  if (kind == ItemKind::kHistogram && !options_.send_native_histograms) {
    return drop(DropReason::kNotWanted);
  }
  // Exemplars may be older than the samples that they come with.
  const bool ages = kind != ItemKind::kExemplar && options_.max_age > 0;
  if (ages && t < (now - options_.max_age) / kMillisecond) {
    return drop(DropReason::kTooOld);
  }
  SendSeriesCache::Answer answer = series_.Find(series, now);
  if (answer.series == nullptr) return drop(answer.reason);
  item->series = std::move(answer.series);
  item->kind = kind;
  item->t = t;
  return true;
}

void RemoteWriter::Resolve(SampleReader::Run&& run, Nanos now, std::vector<WriteItem>* items) {
  items->reserve(run.samples.size() + run.histograms.size() + run.exemplars.size());
  for (const RefSample& sample : run.samples) {
    WriteItem item;
    if (!Wants(ItemKind::kSample, sample.series, sample.sample.t, now, &item)) continue;
    item.value = sample.sample.v;
    item.start = sample.start;
    items->push_back(std::move(item));
  }
  for (RefHistogram& sample : run.histograms) {
    WriteItem item;
    if (!Wants(ItemKind::kHistogram, sample.series, sample.sample.t, now, &item)) continue;
    item.histogram = std::move(sample.sample.histogram);
    item.start = sample.start;
    items->push_back(std::move(item));
  }
  // The log tells floats and histograms apart, and not their order: of a series it is that of time.
  if (!run.samples.empty() && !run.histograms.empty()) {
    std::ranges::stable_sort(*items, {}, &WriteItem::t);
  }
  if (!options_.send_exemplars) return;
  for (RefExemplar& exemplar : run.exemplars) {
    WriteItem item;
    if (!Wants(ItemKind::kExemplar, exemplar.series, exemplar.exemplar.t, now, &item)) continue;
    item.exemplar = std::make_unique<Exemplar>(std::move(exemplar.exemplar));
    items->push_back(std::move(item));
  }
}

void RemoteWriter::CountGap(const SampleTally& lost) {
  metrics_.gaps.Add(1);
  metrics_.Dropped(ItemKind::kSample, DropReason::kLostInLog, lost.samples);
  metrics_.Dropped(ItemKind::kHistogram, DropReason::kLostInLog, lost.histograms);
  if (options_.send_exemplars) {
    metrics_.Dropped(ItemKind::kExemplar, DropReason::kLostInLog, lost.exemplars);
  }
  log::Error(
      "remote write: samples were lost before they could be sent: the log is kept for "
      "wal_max_age and wal_max_bytes",
      {{"name", options_.name},
       {"url", http::ShownUrl(options_.url)},
       {"samples", lost.samples},
       {"histograms", lost.histograms}});
}

void RemoteWriter::Distribute(SampleReader::Run&& run, Nanos now) {
  if (run.gap) CountGap(run.lost);
  std::vector<WriteItem> items;
  Resolve(std::move(run), now, &items);
  const WriteTicket ticket = progress_.Open(reader_->position(), items.size());
  if (items.empty()) return;
  std::vector<std::vector<WriteItem>> parts(shards_.size());
  for (WriteItem& item : items) {
    item.ticket = ticket;
    parts[ShardOf(item.series->ref, parts.size())].push_back(std::move(item));
  }
  for (size_t i = 0; i < parts.size(); ++i) shards_[i]->Add(std::move(parts[i]), now);
}

// The number of shards.

void RemoteWriter::SetShards(size_t count) {
  while (shards_.size() > count) shards_.pop_back();
  while (shards_.size() < count) {
    shards_.push_back(std::make_unique<WriteShard>(ShardContext()));
    if (threads_) shards_.back()->Start();
  }
  metrics_.shards.Set(static_cast<double>(count));
}

void RemoteWriter::Reshard(Nanos now) {
  if (rates_at_ == 0) rates_at_ = now;
  if (now < rates_at_ + WriteRates::kInterval) return;
  rates_.Tick(static_cast<double>(now - rates_at_) / kSecond);
  rates_at_ = now;
  // While nothing gets through, more connections would not help.
  const Nanos recent = now - WriteRates::kInterval - (2 * options_.batch_send_deadline);
  if (last_sent_.load() < recent) return;
  const Millis newest_in = newest_in_.load();
  const Millis newest_sent = newest_sent_.load();
  const bool known = newest_in != INT64_MIN && newest_sent != INT64_MIN;
  const double delay = known ? static_cast<double>(newest_in - newest_sent) / 1'000 : 0;
  const uint32_t desired = rates_.Desired(static_cast<uint32_t>(shards_.size()),
                                          options_.min_shards, options_.max_shards, delay);
  metrics_.shards_desired.Set(desired);
  if (desired == shards_.size()) {
    wanted_shards_ = desired;
    return;
  }
  log::Info(
      "remote write: the number of shards changes",
      {{"name", options_.name}, {"from", uint64_t{shards_.size()}}, {"to", uint64_t{desired}}});
  wanted_shards_ = desired;
  for (const auto& shard : shards_) shard->Flush();
}

// The position.

void RemoteWriter::SavePosition(Nanos now, bool force) {
  // The very first position is saved too: a crash before the first answer must not begin at the end
  // of the log again.
  const LogPosition position = progress_.position();
  if (position == saved_to_) return;
  if (!force && saved_to_.has_value() && now < saved_at_ + kSaveInterval) return;
  saved_at_ = now;
  const StateChange change{options_.name, EncodePosition(position)};
  if (const Status saved = ports_.state->Save({&change, 1}); !saved.ok()) {
    log::Warn("remote write: cannot save the position",
              {{"name", options_.name}, {"reason", saved.message()}});
    return;
  }
  saved_to_ = position;
  reader_->Release(position);
}

}  // namespace tocsin::deliver
