#include <utility>

#include "cpp/base/duration.h"
#include "cpp/config/overrides.h"
#include "cpp/config/read_sections.h"
#include "cpp/lib/json.h"
#include "cpp/lib/yaml.h"

namespace tocsin::config {
namespace {

// What is done with keys of Tempo that have no effect here.
enum class Inert : uint8_t { kWarn, kRefuse };

void Leave(Section* section, const std::vector<std::string_view>& keys, Inert inert) {
  if (inert == Inert::kRefuse) {
    section->Refuse(keys);
  } else {
    section->Ignore(keys, "it is not supported in this version");
  }
}

void ReadPeriod(Section* section, std::string_view key, std::optional<Nanos>* out) {
  Nanos value = 0;
  section->Period(key, &value);
  if (section->Any(key) != nullptr) *out = value;
}

void ReadSize(Section* section, std::string_view key, std::optional<uint64_t>* out) {
  uint64_t value = 0;
  section->Size(key, &value);
  if (section->Any(key) != nullptr) *out = value;
}

// The keys before they were in groups: `ingestion_rate_limit_bytes`.
bool IsInertOldName(std::string_view key) {
  for (const std::string_view prefix : {"ingestion_", "metrics_generator_", "max_local_traces",
                                        "max_traces_", "max_global_traces", "unsafe_"}) {
    if (key.starts_with(prefix)) return true;
  }
  return false;
}

void ReadOldNames(Section* section, TenantOverrides* out) {
  if (!section->present()) return;
  for (const auto& [key, value] : section->node()->members) {
    if (IsInertOldName(key.scalar)) Leave(section, {key.scalar}, Inert::kWarn);
  }
  ReadSize(section, "max_bytes_per_trace", &out->max_bytes_per_trace);
  ReadPeriod(section, "block_retention", &out->block_retention);
  ReadPeriod(section, "max_search_duration", &out->max_search_duration);
}

void ReadSelectorRetention(Section* compaction, TenantOverrides* out) {
  if (compaction->Any("selector_retention") == nullptr) return;
  out->selector_retention.emplace();
  for (Section& rule : compaction->Maps("selector_retention")) {
    SelectorRetention one;
    rule.Text("selector", &one.selector);
    if (one.selector.empty()) rule.Fail("selector", "is missing");
    rule.Period("keep", &one.keep);
    if (one.keep == 0) rule.Fail("keep", "must be given, and more than 0");
    rule.Done();
    out->selector_retention->push_back(std::move(one));
  }
}

// Of span metrics, which are all that is generated, what can change while spans are counted.
void ReadGenerator(Section generator, Inert inert, TenantOverrides* out) {
  ReadPeriod(&generator, "collection_interval", &out->collection_interval);
  if (out->collection_interval && *out->collection_interval < kMillisecond) {
    generator.Fail("collection_interval", "must be a millisecond or more");
  }
  bool disabled = false;
  generator.Bool("disable_collection", &disabled);
  if (generator.Any("disable_collection") != nullptr) out->disable_collection = disabled;
  Leave(&generator,
        {"processors", "processor", "max_active_series", "max_active_entities", "forwarder",
         "trace_id_label_name", "ingestion_time_range_slack", "generate_native_histograms",
         "native_histogram_max_bucket_number", "native_histogram_bucket_factor",
         "native_histogram_min_reset_duration", "span_name_sanitization", "remote_write_headers",
         "ring_size", "max_cardinality_per_label"},
        inert);
  generator.Done();
}

void ReadTenant(Section section, Inert inert, TenantOverrides* out) {
  Section compaction = section.Map("compaction");
  ReadPeriod(&compaction, "block_retention", &out->block_retention);
  ReadSelectorRetention(&compaction, out);
  Leave(&compaction, {"compaction_window", "compaction_disabled"}, inert);
  compaction.Done();

  Section global = section.Map("global");
  ReadSize(&global, "max_bytes_per_trace", &out->max_bytes_per_trace);
  global.Done();

  ReadGenerator(section.Map("metrics_generator"), inert, out);

  Section read = section.Map("read");
  ReadSize(&read, "max_bytes_per_tag_values_query", &out->max_bytes_per_tag_values);
  if (out->max_bytes_per_tag_values == 0U) {
    read.Fail("max_bytes_per_tag_values_query", "must not be 0");
  }
  ReadPeriod(&read, "max_search_duration", &out->max_search_duration);
  ReadPeriod(&read, "max_metrics_duration", &out->max_metrics_duration);
  Leave(&read,
        {"max_blocks_per_tag_values_query", "unsafe_query_hints", "left_pad_trace_ids",
         "max_condition_groups_per_tag_query", "metrics_spanonly_fetch"},
        inert);
  read.Done();

  Leave(&section, {"ingestion", "forwarders", "cost_attribution", "storage"}, inert);
  if (inert == Inert::kWarn) ReadOldNames(&section, out);
  section.Done();
}

void WriteGroup(std::string_view group,
                const std::vector<std::pair<std::string_view, std::optional<std::string>>>& values,
                lib::JsonWriter* w) {
  bool open = false;
  for (const auto& [key, value] : values) {
    if (!value) continue;
    if (!std::exchange(open, true)) w->Key(group).BeginObject();
    w->Key(key).Raw(*value);
  }
  if (open) w->EndObject();
}

std::optional<std::string> PeriodJson(std::optional<Nanos> value) {
  if (!value) return std::nullopt;
  return "\"" + FormatPeriod(*value) + "\"";
}

std::optional<std::string> BoolJson(std::optional<bool> value) {
  if (!value) return std::nullopt;
  return *value ? "true" : "false";
}

std::optional<std::string> SelectorsJson(const TenantOverrides& overrides) {
  if (!overrides.selector_retention) return std::nullopt;
  lib::JsonWriter w;
  w.BeginArray();
  for (const SelectorRetention& rule : *overrides.selector_retention) {
    w.BeginObject().Key("selector").String(rule.selector);
    w.Key("keep").String(FormatPeriod(rule.keep)).EndObject();
  }
  w.EndArray();
  return std::move(w).Take();
}

std::optional<std::string> SizeJson(std::optional<uint64_t> value) {
  if (!value) return std::nullopt;
  return std::to_string(*value);
}

}  // namespace

TenantOverrides Merged(const TenantOverrides& base, const TenantOverrides& over) {
  TenantOverrides merged = over;
  const auto fill = [](auto* value, const auto& otherwise) {
    if (!*value) *value = otherwise;
  };
  fill(&merged.block_retention, base.block_retention);
  fill(&merged.selector_retention, base.selector_retention);
  fill(&merged.collection_interval, base.collection_interval);
  fill(&merged.disable_collection, base.disable_collection);
  fill(&merged.max_bytes_per_trace, base.max_bytes_per_trace);
  fill(&merged.max_bytes_per_tag_values, base.max_bytes_per_tag_values);
  fill(&merged.max_search_duration, base.max_search_duration);
  fill(&merged.max_metrics_duration, base.max_metrics_duration);
  return merged;
}

std::string OverridesJson(const TenantOverrides& overrides) {
  lib::JsonWriter w;
  w.BeginObject();
  WriteGroup("compaction",
             {{"block_retention", PeriodJson(overrides.block_retention)},
              {"selector_retention", SelectorsJson(overrides)}},
             &w);
  WriteGroup("global", {{"max_bytes_per_trace", SizeJson(overrides.max_bytes_per_trace)}}, &w);
  WriteGroup("metrics_generator",
             {{"collection_interval", PeriodJson(overrides.collection_interval)},
              {"disable_collection", BoolJson(overrides.disable_collection)}},
             &w);
  WriteGroup("read",
             {{"max_bytes_per_tag_values_query", SizeJson(overrides.max_bytes_per_tag_values)},
              {"max_search_duration", PeriodJson(overrides.max_search_duration)},
              {"max_metrics_duration", PeriodJson(overrides.max_metrics_duration)}},
             &w);
  w.EndObject();
  return std::move(w).Take();
}

Result<OverridesByTenant> ParseOverridesFile(const std::string& file_name, std::string_view text,
                                             std::vector<std::string>* warnings) {
  Result<lib::Yaml> tree = lib::Yaml::Parse(text);
  if (!tree.has_value()) return Failure(tree.error().WithContext(file_name));
  Reading reading(file_name);
  Section top(&reading, &*tree, "", "");
  Section tenants = top.Map("overrides");
  OverridesByTenant out;
  if (tenants.present()) {
    for (const auto& [name, value] : tenants.node()->members) {
      ReadTenant(tenants.Map(name.scalar), Inert::kWarn, &out[name.scalar]);
    }
  }
  top.Done();
  TOCSIN_RETURN_IF_ERROR(reading.FirstError());
  *warnings = reading.TakeWarnings();
  return out;
}

Result<TenantOverrides> ParseUserOverrides(std::string_view json) {
  // JSON is YAML; that it is JSON is looked at first.
  const Result<lib::Json> valid = lib::Json::Parse(json);
  if (!valid) return Failure(valid.error());
  TOCSIN_ASSIGN_OR_RETURN(const lib::Yaml tree, lib::Yaml::Parse(json));
  Reading reading("overrides");
  TenantOverrides out;
  ReadTenant(Section(&reading, &tree, "", ""), Inert::kRefuse, &out);
  TOCSIN_RETURN_IF_ERROR(reading.FirstError());
  return out;
}

void ReadOverridesSection(Section* top, Config* config) {
  Section overrides = top->Map("overrides");
  Overrides& out = config->overrides;
  Section defaults = overrides.Map("defaults");
  ReadOldNames(&overrides, &out.defaults);
  ReadTenant(defaults, Inert::kWarn, &out.defaults);
  // They are everybody's settings under another name.
  const auto apply = [&](std::string_view group, std::string_view key, const std::string& setting,
                         const auto& value, auto* to) {
    const lib::Yaml* node = defaults.Map(group).Any(key);
    if (node == nullptr) node = overrides.Any(key);
    if (value && (node == nullptr || defaults.reading().Claim(setting, *node))) *to = *value;
  };
  apply("compaction", "block_retention", "compaction.block_retention", out.defaults.block_retention,
        &config->storage.block_retention);
  apply("metrics_generator", "collection_interval", "metrics_generator.collection_interval",
        out.defaults.collection_interval, &config->metrics_generator.collection_interval);
  apply("global", "max_bytes_per_trace", "query_frontend.max_bytes_per_trace",
        out.defaults.max_bytes_per_trace, &config->queries.max_bytes_per_trace);
  apply("read", "max_bytes_per_tag_values_query", "query_frontend.max_bytes_per_tag_values_query",
        out.defaults.max_bytes_per_tag_values, &config->queries.max_bytes_per_tag_values);
  apply("read", "max_search_duration", "query_frontend.search.max_duration",
        out.defaults.max_search_duration, &config->queries.max_search_duration);
  apply("read", "max_metrics_duration", "query_frontend.metrics.max_duration",
        out.defaults.max_metrics_duration, &config->queries.max_metrics_duration);

  overrides.Text("per_tenant_override_config", &out.tenants_file);
  overrides.Period("per_tenant_override_period", &out.tenants_period);
  overrides.NotZero("per_tenant_override_period", out.tenants_period);
  Section users = overrides.Map("user_configurable_overrides");
  users.Bool("enabled", &out.user_configurable);
  Section api = users.Map("api");
  api.Bool("check_for_conflicting_runtime_overrides", &out.check_conflicts);
  api.Done();
  users.Ignore({"poll_interval", "client"}, "they are kept in the data directory, storage.path");
  users.Done();
  overrides.Ignore({"enable_legacy_overrides"}, "both forms are read");
  overrides.Done();
}

}  // namespace tocsin::config
