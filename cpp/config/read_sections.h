/// The sections of the file, by the dialect they come from. Each function reads its sections of the
/// top level into the Config; problems go to the Reading.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/http_options.h"
#include "cpp/config/config.h"
#include "cpp/config/reading.h"
#include "cpp/relabel/relabel.h"

namespace tocsin::config {

/// server, ingester, live_store, storage, compactor, compaction, metrics_generator, overrides and
/// the parts of Tempo that one process does not have; and our own wal, web and traceql.
void ReadTempoSections(Section* top, Config* config);

/// overrides; after the settings that its defaults have another name for.
void ReadOverridesSection(Section* top, Config* config);

/// storage.tsdb and storage.exemplars, as in Prometheus's file; `storage` is that section.
void ReadSeriesStorage(Section* storage, Series* out);
/// promql: our own, with what are flags at Prometheus.
void ReadPromQl(Section* top, PromQl* out);

/// receivers, distributor.receivers, processors, exporters, service and their like.
void ReadCollectorSections(Section* top, Config* config);

/// global, rule_files, scrape_configs, alerting, heartbeat, peers, remote_write. `folder` is the
/// one that relative paths are relative to; "" for the working directory.
void ReadPrometheusSections(Section* top, const std::string& folder, Config* config);

/// rules: our own, with what are flags at Prometheus.
void ReadRules(Section* top, Rules* out);

/// scrape_configs, after `global`.
void ReadScrapes(Section* top, Config* config);
/// The keys that `global` and a scrape configuration share.
void ReadScrapeCommon(Section* section, ScrapeCommon* out);
/// static_configs and file_sd_configs, of scraping and of alerting.
void ReadStaticConfigs(Section* section, std::vector<TargetGroup>* out);
void ReadFileConfigs(Section* section, std::vector<TargetFiles>* out);
/// Refuses every way to discover targets but static_configs and file_sd_configs.
void RefuseOtherDiscovery(Section* section);

/// alerting.
void ReadAlerting(Section* top, Alerting* out);
/// heartbeat and peers: our own.
void ReadHeartbeat(Section* top, Config* config);

/// One list of remote_write; also part of metrics_generator. Appends.
void ReadRemoteWrites(Section* section, Config* config);

/// alertmanager: an Alertmanager's own configuration.
void ReadAlertmanagerSection(Section* top, Config* config);

/// A list of relabelling rules: relabel_configs, write_relabel_configs and their like.
relabel::Rules ReadRelabelRules(Section* section, std::string_view key);

/// How another server is reached: the keys of Prometheus's HTTPClientConfig, which stand in the
/// section itself. `enable_http2` is read and changes nothing: requests are HTTP/1.1.
void ReadHttpClient(Section* section, http::ClientOptions* out);

/// Refuses what is no URL of http or https with a host.
void CheckHttpUrl(Section* section, std::string_view key, const std::string& url);

}  // namespace tocsin::config
