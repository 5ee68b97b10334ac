/// Reads what an exporter says: the Prometheus text format 0.0.4, and OpenMetrics 1.0 as far as its
/// samples go.

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/labels.h"

namespace tocsin::scrape {

enum class Format : uint8_t {
  kText,         ///< Timestamps in milliseconds; whatever follows `#` at the start is a comment.
  kOpenMetrics,  ///< Timestamps in seconds, exemplars, and `# EOF` at the end, which proves it
                 ///< whole.
};

/// The format that a Content-Type names; kText for one that is missing or unknown, as Prometheus
/// falls back.
Format FormatOf(std::string_view content_type);

struct ExposedSample {
  Labels labels;  ///< With __name__.
  double value = 0;
  std::optional<Millis> timestamp;   ///< If the exporter gave one; may be absurd.
  std::optional<Exemplar> exemplar;  ///< OpenMetrics only; t is 0 if the exporter gave none.
};

/// Every sample, in order. kInvalidArgument with line and column of the first thing that is wrong;
/// then nothing of the exposition counts. The grammar of a line is checked, not the rules of
/// OpenMetrics for metric types and families.
Result<std::vector<ExposedSample>> ParseExposition(std::string_view text, Format format);

}  // namespace tocsin::scrape
