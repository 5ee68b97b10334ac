// scrape_configs in the effective configuration.

#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/format.h"
#include "cpp/config/effective.h"
#include "cpp/config/effective_writer.h"

namespace tocsin::config {
namespace {

void WriteFlag(std::string_view key, bool value, bool usual, Writer* w) {
  if (value != usual) w->Bool(key, value);
}

void WriteParams(const Scrape& scrape, Writer* w) {
  if (scrape.params.empty()) return;
  w->Open("params");
  for (const auto& [name, values] : scrape.params) w->List(Quoted(name), values);
  w->Close();
}

void WriteScrape(const Scrape& scrape, Writer* w) {
  w->Text("job_name", scrape.job_name);
  w->Text("scheme", scrape.scheme);
  w->Text("metrics_path", scrape.metrics_path);
  WriteParams(scrape, w);
  w->Period("scrape_interval", scrape.scrape_interval);
  w->Period("scrape_timeout", scrape.scrape_timeout);
  WriteScrapeCommon(scrape.common, w);
  w->Bool("honor_labels", scrape.honor_labels);
  w->Bool("honor_timestamps", scrape.honor_timestamps);
  WriteFlag("track_timestamps_staleness", scrape.track_timestamps_staleness, false, w);
  WriteFlag("enable_compression", scrape.enable_compression, true, w);
  if (!scrape.fallback_scrape_protocol.empty()) {
    w->Text("fallback_scrape_protocol", scrape.fallback_scrape_protocol);
  }
  if (scrape.native_histogram_bucket_limit != 0) {
    w->Number("native_histogram_bucket_limit", scrape.native_histogram_bucket_limit);
  }
  if (scrape.native_histogram_min_bucket_factor != 0) {
    w->Plain("native_histogram_min_bucket_factor",
             FormatGoFloat(scrape.native_histogram_min_bucket_factor));
  }
  WriteHttpClient(scrape.client, w);
  WriteTargets(scrape.static_configs, scrape.file_sd_configs, w);
  WriteRelabelRules("relabel_configs", scrape.relabel_configs, w);
  WriteRelabelRules("metric_relabel_configs", scrape.metric_relabel_configs, w);
}

}  // namespace

void WriteScrapeCommon(const ScrapeCommon& common, Writer* w) {
  const ScrapeCommon usual;
  if (!common.scrape_protocols.empty()) w->List("scrape_protocols", common.scrape_protocols);
  WriteFlag("scrape_native_histograms", common.scrape_native_histograms, false, w);
  WriteFlag("always_scrape_classic_histograms", common.always_scrape_classic_histograms, false, w);
  WriteFlag("convert_classic_histograms_to_nhcb", common.convert_classic_histograms_to_nhcb, false,
            w);
  WriteFlag("extra_scrape_metrics", common.extra_scrape_metrics, false, w);
  if (common.metric_name_escaping_scheme != usual.metric_name_escaping_scheme) {
    w->Text("metric_name_escaping_scheme", common.metric_name_escaping_scheme);
  }
  const auto limit = [w](std::string_view key, uint64_t value) {
    if (value != 0) w->Number(key, value);
  };
  limit("body_size_limit", common.body_size_limit);
  limit("sample_limit", common.sample_limit);
  limit("target_limit", common.target_limit);
  limit("label_limit", common.label_limit);
  limit("label_name_length_limit", common.label_name_length_limit);
  limit("label_value_length_limit", common.label_value_length_limit);
  limit("keep_dropped_targets", common.keep_dropped_targets);
}

void WriteTargets(const std::vector<TargetGroup>& static_configs,
                  const std::vector<TargetFiles>& file_sd_configs, Writer* w) {
  if (!static_configs.empty()) {
    w->Open("static_configs");
    for (size_t i = 0; i < static_configs.size(); ++i) {
      w->OpenEntry({}, i);
      w->List("targets", static_configs[i].targets);
      w->Map("labels", static_configs[i].labels);
      w->Close();
    }
    w->Close();
  }
  if (file_sd_configs.empty()) return;
  w->Open("file_sd_configs");
  for (size_t i = 0; i < file_sd_configs.size(); ++i) {
    w->OpenEntry({}, i);
    w->List("files", file_sd_configs[i].patterns);
    w->Period("refresh_interval", file_sd_configs[i].refresh_interval);
    w->Close();
  }
  w->Close();
}

void WriteScrapes(const Config& config, Writer* w) {
  if (config.self_scrape) return;
  if (config.scrape_configs.empty()) {
    w->Plain("scrape_configs", "[]");
    return;
  }
  w->Open("scrape_configs");
  for (size_t i = 0; i < config.scrape_configs.size(); ++i) {
    w->OpenEntry({}, i);
    WriteScrape(config.scrape_configs[i], w);
    w->Close();
  }
  w->Close();
}

std::string EffectiveScrape(const Scrape& scrape) {
  const Reading no_origins("");
  Writer w(no_origins);
  WriteScrape(scrape, &w);
  return std::move(w).Take();
}

}  // namespace tocsin::config
