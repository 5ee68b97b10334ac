/// What is to be scraped, and how: `scrape_configs[]` as the scraper needs it.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/http_options.h"
#include "cpp/model/labels.h"
#include "cpp/model/target_group.h"
#include "cpp/relabel/relabel.h"

namespace tocsin::scrape {

/// How a target may speak. In the order of Prometheus's names: PrometheusProto,
/// OpenMetricsText1.0.0, OpenMetricsText0.0.1, PrometheusText1.0.0, PrometheusText0.0.4.
enum class Protocol : uint8_t { kProtobuf, kOpenMetrics1, kOpenMetrics001, kText1, kText004 };

/// What makes a sample of what was exposed. While this stays the same, what is known about a
/// target's series stays good.
struct SampleRules {
  bool honor_labels = false;  ///< Off: an exposed label that a target has becomes `exported_...`.
  bool honor_timestamps = true;
  bool track_timestamps_staleness = false;  ///< Series with timestamps of their own end too.
  bool native_histograms = false;           ///< Off: their classic buckets count.
  bool classic_histograms = false;          ///< Both, where a histogram has both.
  bool convert_classic = false;             ///< Classic ones become native, with custom buckets.
  size_t label_limit = 0;                   ///< A scrape with a longer one fails; 0: no limit.
  size_t label_name_length_limit = 0;
  size_t label_value_length_limit = 0;
  relabel::Rules relabelling = {};  ///< metric_relabel_configs.

  friend bool operator==(const SampleRules&, const SampleRules&) = default;
};

struct Job {
  std::string name = {};
  std::string scheme = "http";
  std::string metrics_path = "/metrics";
  std::vector<std::pair<std::string, std::vector<std::string>>> params = {};
  Nanos interval = kMinute;
  Nanos timeout = 10 * kSecond;
  std::vector<Protocol> protocols = {Protocol::kOpenMetrics1, Protocol::kOpenMetrics001,
                                     Protocol::kText1, Protocol::kText004};
  /// Media type of an answer that names none, or one that nobody knows; "": such a scrape fails.
  std::string fallback_media_type = {};
  /// How names that the old characters do not suffice for are wanted: allow-utf-8, underscores...
  std::string escaping = "allow-utf-8";
  bool compression = true;  ///< Asks for gzip.
  SampleRules rules = {};
  size_t sample_limit = 0;     ///< A scrape with more, after relabelling, fails; 0: no limit.
  size_t body_size_limit = 0;  ///< A scrape with as many bytes fails; 0: kMaxBody.
  size_t bucket_limit = 0;     ///< Native histograms with more are made coarser; 0: no limit.
  double min_bucket_factor = 0;
  size_t target_limit = 0;          ///< With more targets all scrapes of the job fail; 0: no limit.
  size_t keep_dropped_targets = 0;  ///< So many are remembered; 0: all.
  bool extra_metrics = false;       ///< scrape_timeout_seconds, scrape_sample_limit and
                                    ///< scrape_body_size_bytes too.
  /// Each target is scraped at its own place in the interval, the same after a restart. Off: at
  /// once, and then every interval.
  bool spread = true;
  relabel::Rules relabelling = {};  ///< relabel_configs: of targets.
  std::vector<TargetGroup> groups = {};
  std::vector<TargetFiles> files = {};
  http::ClientOptions client = {};
};

/// What is read of one answer where a job sets no limit of its own.
inline constexpr size_t kMaxBody = size_t{256} << 20;

}  // namespace tocsin::scrape
