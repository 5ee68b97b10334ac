#include "cpp/scrape/target.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <utility>
#include <vector>

#include "cpp/base/duration.h"
#include "cpp/base/hash.h"
#include "cpp/base/url.h"
#include "cpp/discover/address.h"
#include "cpp/model/label_defaults.h"
#include "cpp/wire/utf8.h"

namespace tocsin::scrape {
namespace {

constexpr std::string_view kAddress = "__address__";
constexpr std::string_view kScheme = "__scheme__";
constexpr std::string_view kMetricsPath = "__metrics_path__";
constexpr std::string_view kInterval = "__scrape_interval__";
constexpr std::string_view kTimeout = "__scrape_timeout__";
constexpr std::string_view kParam = "__param_";
constexpr std::string_view kNative = "__scrape_native_histograms__";
constexpr std::string_view kClassic = "__always_scrape_classic_histograms__";
constexpr std::string_view kConvert = "__convert_classic_histograms_to_nhcb__";

std::string_view Word(bool value) { return value ? "true" : "false"; }

Result<Nanos> PeriodOf(const Labels& labels, std::string_view label, std::string_view what) {
  const Result<Nanos> period = ParseDuration(labels.Get(label));
  if (!period.has_value()) {
    return Failure(period.error().WithContext("error parsing " + std::string(what)));
  }
  if (*period == 0) return InvalidArgumentError(std::string(what) + " cannot be 0");
  return *period;
}

/// As Go's strconv.ParseBool.
Result<bool> FlagOf(const Labels& labels, std::string_view label, std::string_view what) {
  const std::string_view text = labels.Get(label);
  if (text.empty()) return false;
  for (const std::string_view word : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (text == word) return true;
  }
  for (const std::string_view word : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (text == word) return false;
  }
  return InvalidArgumentError("error parsing " + std::string(what) + ": \"" + std::string(text) +
                              "\" is neither true nor false");
}

/// A path in a URL; what is a query string already stays one.
std::string EscapedPath(std::string_view path) {
  std::string escaped;
  for (const char c : path) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    const auto byte = static_cast<uint8_t>(c);
    if (byte <= 0x20 || byte >= 0x7f || c == '"' || c == '#' || c == '<' || c == '>') {
      escaped.append({'%', kDigits[byte >> 4], kDigits[byte & 15]});
    } else {
      escaped.push_back(c);
    }
  }
  return escaped;
}

std::string UrlOf(const Job& job, const Labels& labels) {
  std::map<std::string, std::vector<std::string>> params(job.params.begin(), job.params.end());
  for (const auto& [name, value] : labels) {
    if (!name.starts_with(kParam)) continue;
    std::vector<std::string>& values = params[name.substr(kParam.size())];
    if (values.empty()) values.emplace_back();
    values.front() = value;
  }
  std::string url(labels.Get(kScheme));
  url.append("://").append(labels.Get(kAddress));
  const std::string_view path = labels.Get(kMetricsPath);
  if (!path.starts_with('/')) url.push_back('/');
  url.append(EscapedPath(path));
  char separator = path.find('?') == std::string_view::npos ? '?' : '&';
  for (const auto& [name, values] : params) {
    for (const std::string& value : values) {
      url.append(1, separator).append(EscapeQuery(name)).append("=").append(EscapeQuery(value));
      separator = '&';
    }
  }
  return url;
}

/// Finishes what relabelling has kept.
Result<Target> Finished(const Job& job, Target target) {
  Labels& labels = target.labels;
  const std::string address(labels.Get(kAddress));
  if (address.empty()) return InvalidArgumentError("no address");
  TOCSIN_RETURN_IF_ERROR(discover::CheckAddress(address));
  TOCSIN_ASSIGN_OR_RETURN(target.interval, PeriodOf(labels, kInterval, "scrape interval"));
  TOCSIN_ASSIGN_OR_RETURN(target.timeout, PeriodOf(labels, kTimeout, "scrape timeout"));
  if (target.timeout > target.interval) {
    return InvalidArgumentError("scrape timeout cannot be greater than scrape interval (\"" +
                                std::string(labels.Get(kTimeout)) + "\" > \"" +
                                std::string(labels.Get(kInterval)) + "\")");
  }
  TOCSIN_ASSIGN_OR_RETURN(target.native_histograms,
                          FlagOf(labels, kNative, "scrape native histograms"));
  TOCSIN_ASSIGN_OR_RETURN(target.classic_histograms,
                          FlagOf(labels, kClassic, "always scrape classic histograms"));
  TOCSIN_ASSIGN_OR_RETURN(target.convert_classic,
                          FlagOf(labels, kConvert, "convert classic histograms to nhcb"));
  std::vector<Labels::Pair> kept;
  for (const Labels::Pair& label : labels) {
    if (!wire::IsUtf8(label.second)) {
      return InvalidArgumentError("invalid label value for \"" + label.first + "\"");
    }
    if (!label.first.starts_with("__meta_")) kept.push_back(label);
  }
  labels = Labels(std::move(kept));
  SetUnlessThere(&labels, "instance", address);
  target.url = UrlOf(job, labels);
  return target;
}

}  // namespace

std::string Target::Key() const { return labels.ToString() + " " + url; }

Labels Target::PublicLabels() const {
  std::vector<Labels::Pair> visible;
  std::ranges::copy_if(labels, std::back_inserter(visible),
                       [](const Labels::Pair& label) { return !label.first.starts_with("__"); });
  return Labels(std::move(visible));
}

Nanos Target::OffsetFrom(Nanos now) const {
  const auto place = static_cast<Nanos>(Hash64(Key()) % static_cast<uint64_t>(interval));
  const Nanos since = now % interval;
  return place >= since ? place - since : place - since + interval;
}

Labels DiscoveredLabels(const Job& job, const std::string& address, const Labels& group) {
  Labels labels = group;
  labels.Set(kAddress, address);
  const auto add = [&](std::string_view name, std::string_view value) {
    SetUnlessThere(&labels, name, value);
  };
  add("job", job.name);
  add(kInterval, FormatDuration(job.interval));
  add(kTimeout, FormatDuration(job.timeout));
  add(kMetricsPath, job.metrics_path);
  add(kScheme, job.scheme);
  add(kConvert, Word(job.rules.convert_classic));
  add(kClassic, Word(job.rules.classic_histograms));
  add(kNative, Word(job.rules.native_histograms));
  for (const auto& [name, values] : job.params) {
    if (!values.empty()) add(std::string(kParam) + name, values.front());
  }
  return labels;
}

Result<std::optional<Target>> MakeTarget(const Job& job, const Labels& discovered) {
  Target target;
  target.discovered = discovered;
  target.labels = discovered;
  if (!job.relabelling.Apply(&target.labels)) return std::optional<Target>();
  TOCSIN_ASSIGN_OR_RETURN(target, Finished(job, std::move(target)));
  return std::optional<Target>(std::move(target));
}

}  // namespace tocsin::scrape
