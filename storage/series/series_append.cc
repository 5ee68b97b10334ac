// What becomes of an append: each sample is judged, what is kept is logged, and then applied as a
// whole.

#include <bit>
#include <map>
#include <utility>

#include "cpp/base/log.h"
#include "storage/series/series_files.h"
#include "storage/series/series_metrics.h"
#include "storage/series/series_store.h"

namespace tocsin::storage {
namespace {

bool SameValue(const Point& a, const Point& b) {
  if ((a.histogram == nullptr) != (b.histogram == nullptr)) return false;
  if (a.histogram != nullptr) return EqualHistograms(*a.histogram, *b.histogram);
  return std::bit_cast<uint64_t>(a.v) == std::bit_cast<uint64_t>(b.v);
}

}  // namespace

/// What an Append keeps of its arguments, and what it does not.
struct SeriesStore::Judged {
  std::vector<RefSample> samples;
  std::vector<RefHistogram> histograms;
  std::vector<RefExemplar> exemplars;
  uint64_t late = 0;
  uint64_t too_old = 0;  ///< Of outcome.out_of_order: refused by a window.
  AppendOutcome outcome;

  SampleBatch batch() const { return {samples, histograms, exemplars}; }
};

/// Judges the items of one Append, with append_mutex_ and the lock for reading held.
class SeriesStore::Judge {
 public:
  Judge(SeriesStore* store, const SampleBatch& batch)
      : store_(*store), batch_(batch), number_(++store->append_number_) {
    const Nanos now = store->options_.clock->Now();
    latest_ = (now + kMaxAhead) / kMillisecond;
    window_ = store->options_.out_of_order_window / kMillisecond;
  }

  Result<Judged> Run() {
    TOCSIN_RETURN_IF_ERROR(Check());
    out_.samples.reserve(batch_.samples.size());
    std::vector<bool> kept;
    const bool both = !batch_.samples.empty() && !batch_.histograms.empty();
    if (both) kept.resize(batch_.samples.size() + batch_.histograms.size());
    ForEachIndexInOrder(batch_.samples, batch_.histograms, [&](size_t i) {
      const size_t samples = batch_.samples.size();
      const bool keep =
          i < samples ? Keep(batch_.samples[i]) : Keep(batch_.histograms[i - samples]);
      if (both) {
        kept[i] = keep;
      } else if (keep && i < samples) {
        out_.samples.push_back(batch_.samples[i]);
      } else if (keep) {
        out_.histograms.push_back(batch_.histograms[i - samples]);
      }
    });
    for (size_t i = 0; i < kept.size(); ++i) {  // In the order of the batch.
      if (!kept[i]) continue;
      if (i < batch_.samples.size()) {
        out_.samples.push_back(batch_.samples[i]);
      } else {
        out_.histograms.push_back(batch_.histograms[i - batch_.samples.size()]);
      }
    }
    for (const RefExemplar& exemplar : batch_.exemplars) JudgeExemplar(exemplar);
    out_.outcome.samples = out_.samples.size();
    out_.outcome.histograms = out_.histograms.size();
    out_.outcome.exemplars = out_.exemplars.size();
    return std::move(out_);
  }

 private:
  enum class Verdict : uint8_t {
    kKept,
    kRepeated,
    kDuplicate,
    kOutOfOrder,
    kTooOld,
    kOutOfBounds,
    kLimited,
  };

  Status Check() const {
    const auto known = [this](SeriesRef ref) {
      return ref == kNoSeries ||
             (ref <= UINT32_MAX && store_.index_.Knows(static_cast<SeriesId>(ref)));
    };
    for (const RefSample& sample : batch_.samples) {
      if (!known(sample.series)) return InvalidArgumentError("append: no such series");
    }
    for (const RefHistogram& histogram : batch_.histograms) {
      if (!known(histogram.series)) return InvalidArgumentError("append: no such series");
      TOCSIN_RETURN_IF_ERROR(ValidateHistogram(*histogram.sample.histogram));
    }
    for (const RefExemplar& exemplar : batch_.exemplars) {
      if (!known(exemplar.series)) return InvalidArgumentError("append: no such series");
    }
    return {};
  }

  template <class Item>
  bool Keep(const Item& item) {
    const Verdict verdict = VerdictOn(item);
    if (verdict != Verdict::kKept) Refuse(verdict, item.series, item.sample.t);
    return verdict == Verdict::kKept;
  }

  template <class Item>
  Verdict VerdictOn(const Item& item) {
    if (item.series == kNoSeries) return Verdict::kLimited;
    Series& series = store_.series_[static_cast<SeriesId>(item.series)];
    const Millis t = item.sample.t;
    const bool judged = series.judged_in == number_;
    const Millis last = judged ? std::max(series.judged_t, series.last_t) : series.last_t;
    if (t > latest_) return Verdict::kOutOfBounds;
    if (t > last) {
      if (t < store_.min_time_ && !InWindow(t)) return Verdict::kOutOfBounds;
      if (t < store_.min_time_) ++out_.late;
      series.judged_in = number_;
      series.judged_t = t;
      Note(item, &series);
      newest_ = std::max(newest_, t);
      return Verdict::kKept;
    }
    return Late(item, series, judged && series.judged_t == t);
  }

  /// On a sample that is not newer than all others of its series. `again`: it has the time of the
  /// newest of this append.
  template <class Item>
  Verdict Late(const Item& item, const Series& series, bool again) {
    const Point point = PointOf(item);
    const auto same = [&](const Point& other) {
      return SameValue(point, other) ? Verdict::kRepeated : Verdict::kDuplicate;
    };
    if (again) {
      return same(series.judged_float != nullptr ? PointOf(*series.judged_float)
                                                 : PointOf(*series.judged_histogram));
    }
    if (const std::optional<Point> there = series.head.Find(point.t)) return same(*there);
    if (window_ == 0) return Verdict::kOutOfOrder;
    if (!InWindow(point.t)) return Verdict::kTooOld;
    const auto [it, first] = late_.try_emplace({item.series, point.t}, point);
    if (!first) return same(it->second);
    ++out_.late;
    return Verdict::kKept;
  }

  bool InWindow(Millis t) const {
    // A store without samples has no newest one to be late against.
    const Millis newest = std::max(store_.max_time_, newest_);
    return window_ > 0 && (newest == INT64_MIN || t >= newest - window_);
  }

  static void Note(const RefSample& sample, Series* series) {
    series->judged_float = &sample;
    series->judged_histogram = nullptr;
  }
  static void Note(const RefHistogram& histogram, Series* series) {
    series->judged_float = nullptr;
    series->judged_histogram = &histogram;
  }

  void Refuse(Verdict verdict, SeriesRef series, Millis t) {
    AppendOutcome& outcome = out_.outcome;
    std::string_view reason;
    switch (verdict) {
      case Verdict::kKept:
        return;
      case Verdict::kRepeated:
        ++outcome.repeated;
        return;
      case Verdict::kDuplicate:
        ++outcome.duplicates;
        reason = "duplicate sample for timestamp";
        break;
      case Verdict::kTooOld:
        ++out_.too_old;
        ++outcome.out_of_order;
        reason = "too old sample";
        break;
      case Verdict::kOutOfOrder:
        ++outcome.out_of_order;
        reason = "out of order sample";
        break;
      case Verdict::kOutOfBounds:
        ++outcome.out_of_bounds;
        reason = "out of bounds";
        break;
      case Verdict::kLimited:
        ++outcome.limited;
        reason = "series limit reached";
        break;
    }
    if (!outcome.first_refusal.empty()) return;
    outcome.first_refusal = reason;
    if (verdict == Verdict::kLimited) {
      outcome.first_refusal +=
          ": no more than " + std::to_string(store_.options_.max_series) + " series";
    } else {
      outcome.first_refusal +=
          ": series " + store_.index_.LabelsOf(static_cast<SeriesId>(series)).ToString();
    }
    outcome.first_refusal += ", timestamp " + std::to_string(t);
  }

  void JudgeExemplar(const RefExemplar& exemplar) {
    if (exemplar.series == kNoSeries) {
      ++out_.outcome.exemplars_rejected;
      return;
    }
    switch (store_.exemplars_.Judge(static_cast<SeriesId>(exemplar.series), exemplar.exemplar)) {
      case ExemplarRing::Verdict::kNew:
        out_.exemplars.push_back(exemplar);
        break;
      case ExemplarRing::Verdict::kDuplicate:
        break;
      case ExemplarRing::Verdict::kOutOfOrder:
      case ExemplarRing::Verdict::kTooLarge:
        ++out_.outcome.exemplars_rejected;
        break;
    }
  }

  SeriesStore& store_;
  const SampleBatch& batch_;
  const uint64_t number_;
  Millis latest_ = 0;
  Millis window_ = 0;
  Millis newest_ = INT64_MIN;  ///< Kept of this append.
  std::map<std::pair<SeriesRef, Millis>, Point> late_;
  Judged out_;
};

SeriesRef SeriesStore::Ref(const Labels& labels) {
  {
    const std::shared_lock lock(mutex_);
    if (const SeriesId id = index_.Find(labels); id != kNoSeries) return id;
  }
  const std::unique_lock lock(mutex_);
  if (const SeriesId id = index_.Find(labels); id != kNoSeries) return id;
  if (index_.live() >= options_.max_series || next_id_ == UINT32_MAX ||
      labels.size() > kMaxLabels) {
    return kNoSeries;
  }
  const SeriesId id = next_id_++;
  index_.Add(id, labels);
  static_cast<void>(series_.At(id));
  return id;
}

void SeriesStore::ApplyPoint(SeriesId id, const Point& point, std::vector<SeriesId>* fresh) {
  Series& series = series_[id];
  if (!index_.Listed(id)) fresh->push_back(id);
  if (point.t < min_time_) ++late_samples_;
  if (point.t > series.last_t) {
    series.head.Append(point);
    series.last_t = point.t;
    max_time_ = std::max(max_time_, point.t);
    return;
  }
  if (const Status inserted = series.head.Insert(point); !inserted.ok()) {
    log::Error("series store: a late sample is lost", {{"reason", inserted.message()}});
  }
}

void SeriesStore::Apply(const Judged& judged) {
  const std::unique_lock lock(mutex_);
  std::vector<SeriesId> fresh;
  ForEachInOrder(judged.samples, judged.histograms, [&](SeriesRef ref, const Point& point) {
    ApplyPoint(static_cast<SeriesId>(ref), point, &fresh);
  });
  for (const RefExemplar& exemplar : judged.exemplars) {
    const auto id = static_cast<SeriesId>(exemplar.series);
    if (!index_.Listed(id)) fresh.push_back(id);
    exemplars_.Add(id, exemplar.exemplar);
  }
  index_.List(fresh);
  const AppendOutcome& outcome = judged.outcome;
  stats_.samples_appended += outcome.samples + outcome.histograms;
  stats_.samples_late += judged.late;
  stats_.samples_repeated += outcome.repeated;
  stats_.samples_duplicate += outcome.duplicates;
  stats_.samples_out_of_order += outcome.out_of_order;
  stats_.samples_out_of_bounds += outcome.out_of_bounds;
  stats_.samples_limited += outcome.limited;
  stats_.exemplars_appended += outcome.exemplars;
  stats_.exemplars_dropped += outcome.exemplars_rejected;
}

void SeriesStore::Count(const Judged& judged) {
  const auto count = [](Counter& counter, uint64_t by) {
    if (by > 0) counter.Add(static_cast<double>(by));
  };
  const AppendOutcome& outcome = judged.outcome;
  count(metrics_->samples, outcome.samples + outcome.histograms);
  count(metrics_->exemplars, outcome.exemplars);
  count(metrics_->late, judged.late);
  count(metrics_->duplicates, outcome.duplicates);
  count(metrics_->too_old, judged.too_old);
  count(metrics_->out_of_order, outcome.out_of_order - judged.too_old);
  count(metrics_->out_of_bounds, outcome.out_of_bounds);
  count(metrics_->limited, outcome.limited);
  count(metrics_->exemplars_dropped, outcome.exemplars_rejected);
}

Result<AppendOutcome> SeriesStore::Append(const SampleBatch& batch) {
  const std::lock_guard append_lock(append_mutex_);
  const auto judge = [&] {
    const std::shared_lock lock(mutex_);
    return Judge(this, batch).Run();
  };
  TOCSIN_ASSIGN_OR_RETURN(Judged judged, judge());
  const bool any = !judged.batch().empty();
  if (any) {
    // min_time_ changes with append_mutex_ held only.
    TOCSIN_RETURN_IF_ERROR(
        log_->Append(judged.batch(), min_time_, [this](SeriesId id) { return LabelsOf(id); }));
    head_changed_ = true;
  }
  Apply(judged);
  Count(judged);
  for (SampleListener* listener : listeners_) {
    if (any) listener->OnAppend(judged.batch(), *this);
  }
  return std::move(judged.outcome);
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

}  // namespace tocsin::storage
