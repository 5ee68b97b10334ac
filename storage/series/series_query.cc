// Reading: what a query is to read is noted under the lock, and read without it.

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "storage/series/series_store.h"

namespace tocsin::storage {

using promql::LabelView;
using promql::Matcher;
using promql::SeriesData;
using promql::SeriesRequest;
using promql::SeriesView;

namespace {

// Series whose labels are looked up at a time: each time takes the lock once.
constexpr size_t kLabelsAtOnce = 128;
// How often a query looks for the index in order before it makes writers wait.
constexpr int kPatience = 3;

/// Removes what lies in [from, to] from the run that begins at `begin`.
template <class T>
void Erase(Millis from, Millis to, size_t begin, std::vector<T>* run) {
  const auto first = run->begin() + static_cast<std::ptrdiff_t>(begin);
  run->erase(std::ranges::lower_bound(first, run->end(), from, {}, &T::t),
             std::ranges::upper_bound(first, run->end(), to, {}, &T::t));
}

template <class T>
bool Ascends(const std::vector<T>& run, size_t at) {
  return at == 0 || at >= run.size() || run[at - 1].t < run[at].t;
}

}  // namespace

template <class Read>
auto SeriesStore::Ordered(Read read) const {
  for (int i = 0; i < kPatience; ++i) {
    {
      const std::shared_lock lock(mutex_);
      if (index_.ordered()) return read();
    }
    const std::unique_lock lock(mutex_);
    index_.Order();
  }
  const std::unique_lock lock(mutex_);
  index_.Order();
  return read();
}

/// What a query reads, noted under the lock.
struct SeriesStore::Plan {
  struct Item {
    SeriesId id = kNoSeries;
    uint32_t rank = 0;
    // Into `chunks`: an item's begin where those of the last end.
    uint32_t closed_end = 0;
    uint32_t open_end = 0;
  };
  std::vector<Item> items;
  NotedChunks chunks;
  std::vector<BlockReader> blocks;  ///< Oldest first.
  std::shared_ptr<const Tombstones> tombstones;
};

SeriesStore::Plan SeriesStore::MakePlan(const SeriesRequest& request) const {
  return Ordered([&] {
    Plan plan;
    const ReadRange range{request.from, request.to, request.starts};
    plan.tombstones = tombstones_;
    for (const auto& block : blocks_->blocks()) {
      if (!block->Overlaps(range.from, range.to)) continue;
      std::vector<uint32_t> ranks;
      ranks.reserve(block->groups().size());
      for (const SeriesId id : block->groups()) ranks.push_back(index_.RankOf(id));
      plan.blocks.emplace_back(block, std::move(ranks));
    }
    const std::vector<SeriesId> ids = index_.Match(request.matchers);
    plan.items.reserve(ids.size());
    plan.chunks.closed.reserve(ids.size());
    plan.chunks.open.reserve(ids.size());
    for (const SeriesId id : ids) {
      const bool in_head = series_[id].head.Note(range, &plan.chunks);
      if (in_head || std::ranges::any_of(plan.blocks, [id](const BlockReader& reader) {
            return reader.block().series().Has(id);
          })) {
        plan.items.push_back({id, index_.RankOf(id),
                              static_cast<uint32_t>(plan.chunks.closed.size()),
                              static_cast<uint32_t>(plan.chunks.open.size())});
      }
    }
    return plan;
  });
}

/// Reads the series of a plan one after another.
class SeriesStore::PlanReader {
 public:
  PlanReader(Plan* plan, const ReadRange& range) : plan_(*plan), range_(range) {}

  /// Reads the next item into samples().
  Status Next() {
    const Plan::Item& item = plan_.items[next_];
    samples_.Clear();
    bool ascending = true;
    const auto check = [&](size_t floats, size_t histograms) {
      ascending =
          ascending && Ascends(samples_.floats, floats) && Ascends(samples_.histograms, histograms);
    };
    Status parts = ForEachPart(item, [&](const auto& read) -> Status {
      const size_t floats = samples_.floats.size();
      const size_t histograms = samples_.histograms.size();
      TOCSIN_RETURN_IF_ERROR(read(&samples_));
      check(floats, histograms);
      return {};
    });
    if (!parts.ok()) return parts;
    // Late samples lie in head or further blocks, across others.
    if (!ascending) TOCSIN_RETURN_IF_ERROR(Merge(item));
    closed_ = item.closed_end;
    open_ = item.open_end;
    ++next_;
    return {};
  }

  const SeriesSamples& samples() const { return samples_; }

 private:
  /// Calls `use` with a function that reads it, for each chunk of the item: those of blocks, then
  /// those of the head, each oldest first.
  template <class Use>
  Status ForEachPart(const Plan::Item& item, Use use) {
    for (BlockReader& reader : plan_.blocks) {
      TOCSIN_ASSIGN_OR_RETURN(const std::vector<ChunkRef> chunks, reader.Read(item.id, item.rank));
      for (const ChunkRef& chunk : chunks) {
        if (!chunk.Overlaps(range_.from, range_.to)) continue;
        TOCSIN_RETURN_IF_ERROR(use([&](SeriesSamples* out) {
          return ReadFromBlock(chunk, reader.block().number(), item.id, out);
        }));
      }
    }
    for (size_t i = closed_; i < item.closed_end; ++i) {
      TOCSIN_RETURN_IF_ERROR(
          use([&](SeriesSamples* out) { return ReadChunk(plan_.chunks.closed[i], range_, out); }));
    }
    for (size_t i = open_; i < item.open_end; ++i) {
      TOCSIN_RETURN_IF_ERROR(use([&](SeriesSamples* out) -> Status {
        const NotedChunks::Open& open = plan_.chunks.open[i];
        const size_t begin = out->floats.size();
        ReadOpenFloats(Rebase(open.floats, plan_.chunks.arena.data() + open.offset), &out->floats);
        AddFloatRun(open.starts, range_, begin, out);
        return {};
      }));
    }
    return {};
  }

  Status ReadFromBlock(const ChunkRef& chunk, uint64_t block, SeriesId id,
                       SeriesSamples* out) const {
    const size_t floats = out->floats.size();
    const size_t histograms = out->histograms.size();
    TOCSIN_RETURN_IF_ERROR(ReadChunk(chunk, range_, out));
    for (const Tombstone& tombstone : *plan_.tombstones) {
      if (block >= tombstone.block || !chunk.Overlaps(tombstone.from, tombstone.to)) continue;
      if (!std::ranges::binary_search(tombstone.series, id)) continue;
      Erase(tombstone.from, tombstone.to, floats, &out->floats);
      Erase(tombstone.from, tombstone.to, histograms, &out->histograms);
    }
    return {};
  }

  /// Reads the item again, where its parts overlap: of two samples at one time the one that came
  /// first stays.
  Status Merge(const Plan::Item& item) {
    std::vector<Point> points;
    Status parts = ForEachPart(item, [&](const auto& read) -> Status {
      SeriesSamples part;
      TOCSIN_RETURN_IF_ERROR(read(&part));
      for (Point& point : PointsOf(part)) points.push_back(std::move(point));
      return {};
    });
    if (!parts.ok()) return parts;
    std::ranges::stable_sort(points, {}, &Point::t);
    const auto repeated = std::ranges::unique(points, {}, &Point::t);
    points.erase(repeated.begin(), repeated.end());
    samples_.Clear();
    for (const Point& point : points) samples_.Add(point);
    return {};
  }

  Plan& plan_;
  const ReadRange range_;
  SeriesSamples samples_;
  size_t next_ = 0;
  size_t closed_ = 0;  ///< Into the plan's chunks: where the next item's begin.
  size_t open_ = 0;
};

Status SeriesStore::Scan(const SeriesRequest& request, const Scanner& scanner) const {
  if (request.from > request.to) return {};
  Plan plan = MakePlan(request);
  PlanReader reader(&plan, {request.from, request.to, request.starts});
  std::vector<std::vector<LabelView>> labels(std::min(kLabelsAtOnce, plan.items.size()));
  for (size_t i = 0; i < plan.items.size(); ++i) {
    if (i % kLabelsAtOnce == 0) {
      const std::shared_lock lock(mutex_);
      for (size_t j = i; j < std::min(i + kLabelsAtOnce, plan.items.size()); ++j) {
        index_.View(plan.items[j].id, &labels[j - i]);
      }
    }
    TOCSIN_RETURN_IF_ERROR(reader.Next());
    const SeriesSamples& samples = reader.samples();
    if (samples.empty()) continue;
    TOCSIN_RETURN_IF_ERROR(scanner(SeriesView{.labels = labels[i % kLabelsAtOnce],
                                              .samples = samples.floats,
                                              .histograms = samples.histograms,
                                              .starts = samples.starts}));
  }
  return {};
}

Result<std::vector<SeriesData>> SeriesStore::Select(std::span<const Matcher> matchers, Millis from,
                                                    Millis to) const {
  std::vector<SeriesData> out;
  const SeriesRequest request{.matchers = matchers, .from = from, .to = to, .starts = true};
  TOCSIN_RETURN_IF_ERROR(Scan(request, [&](const SeriesView& series) -> Status {
    std::vector<Labels::Pair> labels;
    labels.reserve(series.labels.size());
    for (const auto& [name, value] : series.labels) labels.emplace_back(name, value);
    out.push_back({.labels = Labels(std::move(labels)),
                   .samples = {series.samples.begin(), series.samples.end()},
                   .histograms = {series.histograms.begin(), series.histograms.end()},
                   .starts = {series.starts.begin(), series.starts.end()}});
    return {};
  }));
  return out;
}

bool SeriesStore::MayHaveSamples(SeriesId id, Millis from, Millis to) const {
  const HeadSeries& head = series_[id].head;
  if (!head.empty() && head.first_t() <= to && head.last_t() >= from) return true;
  return std::ranges::any_of(blocks_->blocks(), [&](const auto& block) {
    return block->Overlaps(from, to) && block->series().Has(id);
  });
}

std::vector<ExemplarSeries> SeriesStore::QueryExemplars(std::span<const Matcher> matchers,
                                                        Millis from, Millis to) const {
  return Ordered([&] {
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
  });
}

std::vector<Labels> SeriesStore::MatchSeries(std::span<const Matcher> matchers, Millis from,
                                             Millis to, size_t limit) const {
  return Ordered([&] {
    std::vector<Labels> out;
    for (const SeriesId id : index_.Match(matchers)) {
      if (limit > 0 && out.size() == limit) break;
      if (MayHaveSamples(id, from, to)) out.push_back(index_.LabelsOf(id));
    }
    return out;
  });
}

std::vector<std::string> SeriesStore::LabelNames(std::span<const Matcher> matchers, Millis from,
                                                 Millis to) const {
  return Ordered([&] {
    std::unordered_set<const char*> seen;  // Equal texts lie at the same place.
    std::vector<std::string> names;
    std::vector<LabelView> labels;
    for (const SeriesId id : index_.Match(matchers)) {
      index_.View(id, &labels);
      std::erase_if(labels,
                    [&](const LabelView& label) { return seen.contains(label.name.data()); });
      if (labels.empty() || !MayHaveSamples(id, from, to)) continue;
      for (const LabelView& label : labels) {
        seen.insert(label.name.data());
        names.emplace_back(label.name);
      }
    }
    std::ranges::sort(names);
    return names;
  });
}

std::vector<std::string> SeriesStore::LabelValues(std::string_view name,
                                                  std::span<const Matcher> matchers, Millis from,
                                                  Millis to) const {
  return Ordered([&] {
    std::unordered_set<const char*> seen;
    std::vector<std::string> values;
    for (const SeriesId id : index_.Match(matchers)) {
      const std::string_view value = index_.ValueOf(id, name);
      if (value.empty() || seen.contains(value.data()) || !MayHaveSamples(id, from, to)) continue;
      seen.insert(value.data());
      values.emplace_back(value);
    }
    std::ranges::sort(values);
    return values;
  });
}

}  // namespace tocsin::storage
