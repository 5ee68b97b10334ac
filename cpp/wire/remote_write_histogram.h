/// Native histograms on the wire: prometheus.Histogram and io.prometheus.write.v2.Histogram, which
/// are the same message but for the start timestamp. Private to the remote write and remote read
/// codecs.

#pragma once

#include <string>
#include <string_view>

#include "cpp/model/labels.h"
#include "cpp/model/native_histogram.h"
#include "cpp/wire/proto_fields.h"
#include "cpp/wire/proto_writer.h"

namespace tocsin::wire {

/// One histogram that was read. Exactly one of three: `histogram` is set; or `invalid` says why
/// nobody can store it; or neither, and it is a stale marker.
struct WireHistogram {
  Millis t = 0;
  Millis start = 0;  ///< 0: not known.
  HistogramPtr histogram;
  /// Negative counts, spans that do not fit the buckets, a schema that does not exist...: what
  /// Prometheus refuses too.
  std::string invalid;

  bool stale() const { return histogram == nullptr && invalid.empty(); }
};

/// Reads an integer or a float histogram. Schemas 9 to 52 come out as schema 8, the finest that is
/// kept. False, with `*error` set, if the message is malformed; `depth` is how many levels of
/// nesting are left inside it.
bool ReadHistogram(std::string_view message, int depth, WireHistogram* out, WireError* error);

/// Writes the fields, in their order. Whole counts below 2^53 make the integer form.
void WriteHistogram(const HistogramSample& sample, Millis start, ProtoWriter* writer);

}  // namespace tocsin::wire
