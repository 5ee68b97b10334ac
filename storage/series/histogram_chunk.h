/// A run of native histograms of one layout (schema, zero threshold, spans, bounds): the layout
/// once, then each histogram against the one before it. Another layout begins another chunk. Byte
/// layout: storage/FORMAT.md, "Histogram chunk".
///
/// Every count and sum survives bit by bit, counter reset hints too. Whole counts, which is what
/// producers send, take few bits.

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/bits.h"
#include "cpp/base/status.h"
#include "cpp/model/labels.h"
#include "cpp/model/native_histogram.h"
#include "storage/series/float_chunk.h"
#include "storage/series/gorilla.h"

namespace tocsin::storage {

/// Histograms of one series, ascending. Not thread-safe.
class OpenHistograms {
 public:
  uint32_t count() const { return count_; }
  bool empty() const { return count_ == 0; }
  Millis first_t() const { return first_t_; }         ///< REQUIRES: !empty().
  Millis last_t() const { return last_t_; }           ///< REQUIRES: !empty().
  const HistogramPtr& last() const { return last_; }  ///< REQUIRES: !empty().

  /// Whether there is room and the layout is the one of the chunk.
  bool Takes(const NativeHistogram& histogram) const;
  /// REQUIRES: empty(), or sample.t > last_t() and Takes(*sample.histogram); as many buckets as the
  /// spans say.
  void Append(const HistogramSample& sample, Millis start);

  /// As closed chunk. REQUIRES: !empty().
  std::string Seal() const;
  size_t Bytes() const { return bits_.bytes().size(); }

 private:
  void PutCounts(const NativeHistogram& histogram);

  BitWriter bits_;
  StepWriter steps_;
  XorWriter sums_;
  HistogramPtr last_;
  std::vector<StartMark> starts_;
  Millis first_t_ = 0;
  Millis last_t_ = 0;
  uint32_t count_ = 0;
};

/// Appends all histograms to `*out` and, unless null, their marks to `*starts`. kCorruption for
/// bytes that do not belong to such a run.
Status DecodeHistograms(std::string_view bytes, const ChunkExtent& extent,
                        std::vector<HistogramSample>* out, std::vector<StartMark>* starts);

/// One histogram by itself, as the sample log holds it: its layout, the hint (u8), sum, count and
/// zero count (u64 each, as bits), and of each bucket a varint: twice the count, or 1 and the bits
/// (u64) of a count that is no whole number.
void PutHistogram(const NativeHistogram& histogram, std::string* out);
/// Fails the reader for anything that PutHistogram did not write.
NativeHistogram GetHistogram(ByteReader* in);

}  // namespace tocsin::storage
