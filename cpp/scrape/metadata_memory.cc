#include "cpp/scrape/metadata_memory.h"

#include <algorithm>

namespace tocsin::scrape {
namespace {

constexpr uint64_t kKeptScrapes = 10;
// Hostile targets could tell of ever new families; honest ones have some thousands.
constexpr size_t kMaxFamilies = 100'000;

}  // namespace

void MetadataMemory::Begin(Format format) {
  ++scrape_;
  format_ = format;
}

void MetadataMemory::Take(const ExposedMetadata& told) {
  auto found = families_.find(told.family);
  if (found == families_.end()) {
    if (families_.size() >= kMaxFamilies) return;
    found = families_.try_emplace(std::string(told.family)).first;
    found->second.metadata.family = told.family;
    found->second.changed = scrape_;
  }
  Family& family = found->second;
  family.told = scrape_;
  family.format = format_;
  const auto set = [&](std::string* field) {
    if (*field == told.text) return;
    *field = told.text;
    family.changed = scrape_;
  };
  switch (told.part) {
    case MetadataPart::kType:
      if (family.metadata.type != told.type) family.changed = scrape_;
      family.metadata.type = told.type;
      break;
    case MetadataPart::kHelp:
      set(&family.metadata.help);
      break;
    case MetadataPart::kUnit:
      set(&family.metadata.unit);
      break;
  }
}

std::vector<MetricMetadata> MetadataMemory::End() {
  std::vector<MetricMetadata> changed;
  for (const auto& [name, family] : families_) {
    if (family.changed == scrape_) changed.push_back(AsSamplesHaveIt(family));
  }
  std::erase_if(families_,
                [this](const auto& entry) { return scrape_ - entry.second.told > kKeptScrapes; });
  return changed;
}

std::vector<MetricMetadata> MetadataMemory::All() const {
  std::vector<MetricMetadata> all;
  all.reserve(families_.size());
  for (const auto& [name, family] : families_) all.push_back(AsSamplesHaveIt(family));
  std::ranges::sort(all, {}, &MetricMetadata::family);
  return all;
}

MetricMetadata MetadataMemory::AsSamplesHaveIt(const Family& family) {
  MetricMetadata metadata = family.metadata;
  if (family.format == Format::kOpenMetrics) {
    if (metadata.type == MetricType::kCounter) metadata.family += "_total";
    if (metadata.type == MetricType::kInfo) metadata.family += "_info";
  }
  return metadata;
}

}  // namespace tocsin::scrape
