/// Prometheus remote write 1.0: prometheus.WriteRequest.

#pragma once

#include <span>
#include <string>
#include <vector>

#include "cpp/model/labels.h"

namespace tocsin::wire {

struct WriteSeries {
  Labels labels;
  std::vector<Sample> samples;  ///< Ascending by time.
  std::vector<Exemplar> exemplars;
};

/// The serialised WriteRequest, not compressed yet. Labels are written as Labels keeps them: sorted
/// by name, unique, none empty, as the receiver demands.
std::string EncodeWriteRequest(std::span<const WriteSeries> series);

}  // namespace tocsin::wire
