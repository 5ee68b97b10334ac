#include "cpp/config/load.h"

#include "cpp/config/effective.h"
#include "cpp/config/read_sections.h"
#include "cpp/config/reading.h"
#include "cpp/lib/yaml.h"

namespace tocsin::config {
namespace {

std::string FolderOf(const std::string& file_name) {
  const size_t slash = file_name.rfind('/');
  if (slash == std::string::npos) return {};
  return slash == 0 ? "/" : file_name.substr(0, slash);
}

bool NamesReceivers(const lib::Yaml& tree) {
  const lib::Yaml* distributor = tree.Find("distributor");
  return tree.Find("receivers") != nullptr ||
         (distributor != nullptr && distributor->Find("receivers") != nullptr);
}

}  // namespace

Result<Loaded> Load(const Source& source) {
  const std::string name = source.file_name.empty() ? "configuration" : source.file_name;
  Result<lib::Yaml> parsed = lib::Yaml::Parse(source.text);
  if (!parsed.has_value()) return Failure(parsed.error().WithContext(name));
  lib::Yaml tree = *std::move(parsed);
  const bool names_receivers = NamesReceivers(tree);
  Reading reading(name);
  for (const auto& [path, value] : source.overrides) {
    TOCSIN_RETURN_IF_ERROR(reading.Override(path, value, &tree));
  }

  Loaded loaded;
  if (source.only_named_receivers && !names_receivers) {
    loaded.config.receivers.otlp_grpc.clear();
    loaded.config.receivers.otlp_http.clear();
  }
  Section top(&reading, &tree, "", "");
  ReadTempoSections(&top, &loaded.config);
  ReadCollectorSections(&top, &loaded.config);
  ReadPrometheusSections(&top, FolderOf(source.file_name), &loaded.config);
  ReadAlertmanagerSection(&top, &loaded.config);
  top.Done();
  TOCSIN_RETURN_IF_ERROR(reading.FirstError());
  loaded.effective = Effective(loaded.config, reading);
  loaded.warnings = reading.TakeWarnings();
  return loaded;
}

}  // namespace tocsin::config
