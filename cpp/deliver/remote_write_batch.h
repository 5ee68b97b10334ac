/// What is sent as one request.

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cpp/deliver/remote_write_metrics.h"
#include "cpp/deliver/remote_write_progress.h"
#include "cpp/deliver/remote_write_series.h"
#include "cpp/wire/remote_write.h"

namespace tocsin::deliver {

/// A sample, a histogram or an exemplar on its way.
struct WriteItem {
  std::shared_ptr<const SendSeries> series;
  ItemKind kind = ItemKind::kSample;
  Millis t = 0;
  double value = 0;                    ///< kSample.
  Millis start = 0;                    ///< kSample and kHistogram.
  HistogramPtr histogram;              ///< kHistogram.
  std::unique_ptr<Exemplar> exemplar;  ///< kExemplar.
  WriteTicket ticket = 0;
};

/// Items in the form of the wire. Belongs to one thread.
class WriteBatch {
 public:
  WriteBatch() = default;
  /// The items of a series keep their order: where floats and histograms follow each other, the
  /// series stands several times.
  explicit WriteBatch(std::span<WriteItem> items);

  const ItemCounts& counts() const { return counts_; }
  Millis newest() const { return newest_; }  ///< Of samples and histograms; INT64_MIN for none.
  bool empty() const { return counts_.total() == 0; }

  /// Takes out what is older; how many of each kind that was.
  ItemCounts DropOlderThan(Millis oldest);
  /// Takes out the histograms that 1.0 has no form for; how many.
  size_t DropCustomBuckets();

  /// The message, compressed. With 1.0 call DropCustomBuckets before.
  std::string Encode(WriteMessage message) const;

 private:
  void Recount();

  std::vector<wire::WriteSeries> series_;
  ItemCounts counts_;
  Millis newest_ = INT64_MIN;
};

}  // namespace tocsin::deliver
