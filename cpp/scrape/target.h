/// From what was discovered to a target that can be scraped.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/model/labels.h"
#include "cpp/scrape/job.h"

namespace tocsin::scrape {

/// Something to scrape.
struct Target {
  Labels discovered;  ///< Before relabelling.
  Labels labels;      ///< After it, without __meta_...; with the other __..., which steer it.
  std::string url;    ///< With the parameters.
  Nanos interval = 0;
  Nanos timeout = 0;
  bool native_histograms = false;  ///< As of SampleRules; labels can change them.
  bool classic_histograms = false;
  bool convert_classic = false;

  /// What makes it another target.
  std::string Key() const;
  /// The labels that its samples get.
  Labels PublicLabels() const;
  /// How long after `now` its next place in the interval is; the same for the same target in every
  /// process. Less than the interval.
  Nanos OffsetFrom(Nanos now) const;
};

/// The labels of an address of a group, as relabelling sees them: those of the job are added where
/// the group has none.
Labels DiscoveredLabels(const Job& job, const std::string& address, const Labels& group);

/// What relabelling makes of them; nullopt if it drops the target. kInvalidArgument, in
/// Prometheus's words, for a target that can not be scraped.
Result<std::optional<Target>> MakeTarget(const Job& job, const Labels& discovered);

}  // namespace tocsin::scrape
