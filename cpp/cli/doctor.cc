#include "cpp/cli/doctor.h"

#include <cstdint>
#include <cstdio>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/cli/text.h"
#include "cpp/engine/doctor.h"
#include "cpp/lib/json.h"

namespace tocsin::cli {
namespace {

using Counts = std::vector<std::pair<std::string_view, uint64_t>>;

// By part of the directory.
std::vector<std::pair<std::string_view, Counts>> CountsOf(const engine::Diagnosis& found) {
  return {{"spans",
           {{"volumes", found.spans.volumes},
            {"segments", found.spans.segments},
            {"spans", found.spans.spans},
            {"log_records", found.spans.log_records}}},
          {"series",
           {{"volumes", found.series.volumes},
            {"blocks", found.series.blocks},
            {"block_samples", found.series.block_samples},
            {"log_segments", found.series.log_segments},
            {"log_samples", found.series.log_samples},
            {"snapshot_series", found.series.snapshot_series}}},
          {"state", {{"values", found.state.values}}}};
}

std::string JsonOf(const engine::Diagnosis& found) {
  lib::JsonWriter w;
  w.BeginObject().Key("healthy").Bool(found.healthy());
  for (const auto& [part, counts] : CountsOf(found)) {
    w.Key(part).BeginObject();
    for (const auto& [name, count] : counts) w.Key(name).Uint(count);
    w.EndObject();
  }
  w.Key("findings").BeginArray();
  for (const auto& finding : found.Findings()) {
    w.BeginObject().Key("severity").String(finding.damage ? "damage" : "note");
    w.Key("where").String(finding.where).Key("what").String(finding.what).EndObject();
  }
  w.EndArray().EndObject();
  return std::move(w).Take() + "\n";
}

std::string TextOf(const engine::Diagnosis& found, const std::string& directory) {
  std::string text;
  for (const auto& [part, counts] : CountsOf(found)) {
    text.append(part).append(":");
    for (const auto& [name, count] : counts) {
      std::string words(name);
      for (char& c : words) c = c == '_' ? ' ' : c;
      text += (&name == &counts.front().first ? " " : ", ") + FormatCount(count) + " " + words;
    }
    text += "\n";
  }
  for (const auto& finding : found.Findings()) {
    text += (finding.damage ? "DAMAGE  " : "note    ") + finding.where + ": " + finding.what + "\n";
  }
  return text + directory + (found.healthy() ? " is healthy\n" : " is damaged\n");
}

}  // namespace

Result<bool> Doctor(const std::string& directory, bool json) {
  TOCSIN_ASSIGN_OR_RETURN(const engine::Diagnosis found, engine::Diagnose(directory));
  const std::string text = json ? JsonOf(found) : TextOf(found, directory);
  std::fputs(text.c_str(), stdout);
  return found.healthy();
}

}  // namespace tocsin::cli
