/// The sections of the file, by the dialect they come from. Each function reads its sections of the
/// top level into the Config; problems go to the Reading.

#pragma once

#include <string>
#include <string_view>

#include "cpp/config/config.h"
#include "cpp/config/reading.h"
#include "cpp/relabel/relabel.h"

namespace tocsin::config {

/// server, ingester, live_store, storage, compactor, compaction, metrics_generator, overrides and
/// the parts of Tempo that one process does not have; and our own wal and traceql.
void ReadTempoSections(Section* top, Config* config);

/// overrides; after the settings that its defaults have another name for.
void ReadOverridesSection(Section* top, Config* config);

/// receivers, distributor.receivers, processors, exporters, service and their like.
void ReadCollectorSections(Section* top, Config* config);

/// global, rule_files, scrape_configs, alerting, remote_write. `folder` is the one that relative
/// paths are relative to; "" for the working directory.
void ReadPrometheusSections(Section* top, const std::string& folder, Config* config);

/// One list of remote_write; also part of metrics_generator. Appends.
void ReadRemoteWrites(Section* section, Config* config);

/// alertmanager: an Alertmanager's own configuration.
void ReadAlertmanagerSection(Section* top, Config* config);

/// A list of relabelling rules: relabel_configs, write_relabel_configs and their like.
relabel::Rules ReadRelabelRules(Section* section, std::string_view key);

/// Refuses what is no URL of plain http with a host.
void CheckHttpUrl(Section* section, std::string_view key, const std::string& url);

}  // namespace tocsin::config
