/// What the PromQL engine needs from whoever holds series. Implemented by storage/series, and by
/// fakes in tests.

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/lib/regex.h"
#include "cpp/model/labels.h"
#include "cpp/model/native_histogram.h"

namespace tocsin::promql {

/// One label matcher. A series without the label is matched as if the label were "".
struct Matcher {
  enum class Op : uint8_t { kEqual, kNotEqual, kRegex, kNotRegex };

  /// kInvalidArgument for a bad pattern of kRegex or kNotRegex.
  static Result<Matcher> Make(Op op, std::string_view name, std::string_view value);

  bool Matches(std::string_view label_value) const;

  Op op = Op::kEqual;
  std::string name;
  std::string value;
  std::optional<lib::Regex> regex;  ///< Set for kRegex and kNotRegex; matches the whole value.
};

/// Does every matcher match? None: yes.
bool MatchesAll(std::span<const Matcher> matchers, const Labels& labels);

/// From the sample at `from` on, up to the next StartTime, samples have this start timestamp.
struct StartTime {
  Millis from = 0;
  Millis start = 0;  ///< Since when the counter counts; 0: not known.
};

/// Floats and histograms of one series, each ascending by time; no time is in both.
struct SeriesData {
  Labels labels;
  std::vector<Sample> samples = {};  ///< Stale markers included, those of histograms too.
  std::vector<HistogramSample> histograms = {};  ///< Empty for nearly every series.
  std::vector<StartTime> starts = {};            ///< Ascending; empty if no start time is known.
};

/// One label of a series, for as long as the series is looked at.
struct LabelView {
  std::string_view name;
  std::string_view value;
};

/// A series while a source shows it: as SeriesData, but nothing is owned.
struct SeriesView {
  std::span<const LabelView> labels;  ///< Ascending by name, no empty values.
  std::span<const Sample> samples;
  std::span<const HistogramSample> histograms = {};
  std::span<const StartTime> starts = {};
};

/// What a query asks a source for: the series that all matchers match and that have a sample in
/// [from, to] (milliseconds, both ends included), with those samples.
struct SeriesRequest {
  std::span<const Matcher> matchers;
  Millis from = 0;
  Millis to = 0;
  /// The query looks at start timestamps. Otherwise `starts` may be left empty.
  bool starts = false;
};

class SeriesSource {
 public:
  virtual ~SeriesSource() = default;

  /// Every series asked for, ordered by labels. Thread-safe.
  virtual Result<std::vector<SeriesData>> Select(std::span<const Matcher> matchers, Millis from,
                                                 Millis to) const = 0;

  /// Sees one series; everything in the view is gone when it returns. An error ends the scan.
  using Scanner = std::function<Status(const SeriesView&)>;

  /// The same series in the same order, one at a time and without a copy of anything: what the
  /// engine calls. A source shows its interned labels, and samples in a buffer that it fills again
  /// for each series. An error of the scanner is returned as it is. Calls Select() unless
  /// overridden. Thread-safe.
  virtual Status Scan(const SeriesRequest& request, const Scanner& scanner) const;
};

}  // namespace tocsin::promql
