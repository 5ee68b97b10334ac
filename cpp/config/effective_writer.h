/// Writes the effective configuration as YAML, each setting with its origin behind it.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/http_options.h"
#include "cpp/config/config.h"
#include "cpp/config/reading.h"
#include "cpp/relabel/relabel.h"

namespace tocsin::config {

/// As a double-quoted scalar.
std::string Quoted(std::string_view text);
/// `["a", "b"]`.
std::string QuotedList(const std::vector<std::string>& values);
/// The URL with its password hidden, as Prometheus shows it.
std::string HidePassword(const std::string& url);

/// Block style. A map is opened with its path of names, under which the origins are known.
class Writer {
 public:
  /// What stands for a value that is not to be shown.
  static constexpr std::string_view kSecret = "<secret>";

  explicit Writer(const Reading& reading) : reading_(reading) {}

  void Open(std::string_view key);
  void Close();
  /// An entry of a list of maps: its first line begins with "- ".
  void OpenEntry(std::string_view list, size_t index);

  void Plain(std::string_view key, std::string_view value, std::string_view name = {});
  void Text(std::string_view key, std::string_view value) { Plain(key, Quoted(value)); }
  void Bool(std::string_view key, bool value) { Plain(key, value ? "true" : "false"); }
  void Number(std::string_view key, uint64_t value) { Plain(key, std::to_string(value)); }
  void Period(std::string_view key, Nanos value);
  void List(std::string_view key, const std::vector<std::string>& values);
  /// The name of a setting that is inherited, for Plain(): as the section at hand gives it, or the
  /// nearest around it. `levels`: from a section to the one around, in names that are open.
  std::string InheritedName(std::string_view key, size_t levels) const;
  /// The values of headers that are secret by nature are hidden.
  void Map(std::string_view key, const std::vector<std::pair<std::string, std::string>>& pairs);
  template <class Pairs>
  void Map(std::string_view key, const Pairs& pairs) {
    Map(key, std::vector<std::pair<std::string, std::string>>(pairs.begin(), pairs.end()));
  }

  std::string Take() && { return std::move(out_); }

 private:
  void Line(const std::string& text, const std::string& origin);

  const Reading& reading_;
  std::string out_;
  size_t indent_ = 0;
  bool first_of_entry_ = false;
  std::vector<std::string> names_;
};

/// What of these options is not the default; secrets hidden.
void WriteHttpClient(const http::ClientOptions& options, Writer* w);

/// alertmanager; nothing without a receiver of the root route.
void WriteAlertmanager(const routing::Config& config, Writer* w);

/// scrape_configs; nothing if the server scrapes itself only.
void WriteScrapes(const Config& config, Writer* w);
/// What `global` and a scrape configuration share, as far as it is not the default.
void WriteScrapeCommon(const ScrapeCommon& common, Writer* w);

/// static_configs and file_sd_configs; nothing of what is empty.
void WriteTargets(const std::vector<TargetGroup>& static_configs,
                  const std::vector<TargetFiles>& file_sd_configs, Writer* w);

/// alerting, heartbeat and peers, as far as there are such; secrets hidden.
void WriteAlerting(const Config& config, Writer* w);
void WriteHeartbeat(const Config& config, Writer* w);

/// A list of relabelling rules; nothing if there are none.
void WriteRelabelRules(std::string_view key, const relabel::Rules& rules, Writer* w);

}  // namespace tocsin::config
