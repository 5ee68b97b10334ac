#include "cpp/discover/file_discovery.h"

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <system_error>
#include <utility>

#include <sys/stat.h>

#include "cpp/base/glob.h"
#include "cpp/base/log.h"
#include "cpp/lib/json.h"
#include "cpp/lib/yaml.h"

namespace tocsin::discover {
namespace {

constexpr std::string_view kFilePath = "__meta_filepath";
// Beyond this a file is no list of targets.
constexpr size_t kMaxFileBytes = size_t{64} << 20;

Failure GroupError(size_t index, std::string_view what) {
  return InvalidArgumentError("target group " + std::to_string(index) + ": " + std::string(what));
}

Result<std::vector<TargetGroup>> FromJson(std::string_view text) {
  TOCSIN_ASSIGN_OR_RETURN(const lib::Json list, lib::Json::Parse(text));
  if (list.type == lib::Json::Type::kNull) return std::vector<TargetGroup>();
  if (list.type != lib::Json::Type::kArray) return InvalidArgumentError("it is no list of groups");
  std::vector<TargetGroup> groups;
  for (size_t i = 0; i < list.array.size(); ++i) {
    const lib::Json& entry = list.array[i];
    if (entry.type != lib::Json::Type::kObject) return GroupError(i, "it is no object");
    TargetGroup group;
    for (const auto& [key, value] : entry.object) {
      const bool null = value.type == lib::Json::Type::kNull;
      if (key == "targets" && (null || value.type == lib::Json::Type::kArray)) {
        for (const lib::Json& target : value.array) {
          if (target.type != lib::Json::Type::kString) return GroupError(i, "a target is no text");
          group.targets.push_back(target.string);
        }
      } else if (key == "labels" && (null || value.type == lib::Json::Type::kObject)) {
        for (const auto& [name, label] : value.object) {
          if (label.type != lib::Json::Type::kString) return GroupError(i, "a label is no text");
          group.labels.Set(name, label.string);
        }
      } else {
        return GroupError(i, "\"" + key + "\" is not known, or has the wrong type");
      }
    }
    groups.push_back(std::move(group));
  }
  return groups;
}

Result<std::vector<TargetGroup>> FromYaml(std::string_view text) {
  TOCSIN_ASSIGN_OR_RETURN(const lib::Yaml list, lib::Yaml::Parse(text));
  if (list.IsNull()) return std::vector<TargetGroup>();
  if (!list.IsSequence()) return InvalidArgumentError("it is no list of groups");
  std::vector<TargetGroup> groups;
  for (const lib::Yaml& entry : list.items) {
    const auto wrong = [](const lib::Yaml& at, std::string_view what) {
      return InvalidArgumentError(at.Position() + ": " + std::string(what));
    };
    if (!entry.IsMap()) return wrong(entry, "a target group is a map");
    TargetGroup group;
    for (const auto& [key, value] : entry.members) {
      if (key.scalar == "targets" && (value.IsSequence() || value.IsNull())) {
        for (const lib::Yaml& target : value.items) {
          if (!target.IsScalar()) return wrong(target, "a target is a text");
          group.targets.push_back(target.scalar);
        }
      } else if (key.scalar == "labels" && (value.IsMap() || value.IsNull())) {
        for (const auto& [name, label] : value.members) {
          if (!label.IsScalar()) return wrong(label, "a label is a text");
          group.labels.Set(name.scalar, label.scalar);
        }
      } else {
        return wrong(key, "\"" + key.scalar + "\" is not known, or has the wrong type");
      }
    }
    groups.push_back(std::move(group));
  }
  return groups;
}

std::vector<std::string> Matching(const std::vector<std::string>& patterns) {
  std::set<std::string> names;
  for (const std::string& pattern : patterns) {
    for (std::string& name : ExpandGlob(pattern)) names.insert(std::move(name));
  }
  return {names.begin(), names.end()};
}

/// "" if there is no such file.
std::string StampOf(const std::string& name) {
  struct stat status{};
  if (stat(name.c_str(), &status) != 0) return {};
  std::string stamp;
  for (const int64_t part : {static_cast<int64_t>(status.st_ino), int64_t{status.st_size},
                             int64_t{status.st_mtim.tv_sec}, int64_t{status.st_mtim.tv_nsec}}) {
    stamp.append(std::to_string(part)).append(" ");
  }
  return stamp;
}

Result<std::vector<TargetGroup>> ReadTargetFile(const std::string& name) {
  std::error_code error;
  const uintmax_t size = std::filesystem::file_size(name, error);
  if (error) return UnavailableError(error.message());
  if (size > kMaxFileBytes) return ResourceExhaustedError("it is larger than 64 MiB");
  std::ifstream file(name, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return UnavailableError("it cannot be read");
  return ParseTargetFile(name, text.view());
}

}  // namespace

Result<std::vector<TargetGroup>> ParseTargetFile(std::string_view name, std::string_view text) {
  const bool json = name.ends_with(".json") || name.ends_with(".JSON");
  TOCSIN_ASSIGN_OR_RETURN(std::vector<TargetGroup> groups, json ? FromJson(text) : FromYaml(text));
  for (TargetGroup& group : groups) group.labels.Set(kFilePath, name);
  return groups;
}

FileDiscovery::FileDiscovery(TargetFiles files, Telemetry* telemetry)
    : files_(std::move(files)),
      errors_(telemetry->GetCounter("prometheus_sd_file_read_errors_total",
                                    "Files of targets that could not be read or were wrong.")) {}

bool FileDiscovery::Refresh(Nanos now) {
  const bool full = now >= next_full_;
  if (full) next_full_ = now + files_.refresh_interval;
  bool changed = false;
  std::map<std::string, File> present;
  for (const std::string& name : Matching(files_.patterns)) {
    const auto known = known_.find(name);
    File file = known == known_.end() ? File() : std::move(known->second);
    const std::string stamp = StampOf(name);
    if (full || stamp != file.stamp) {
      file.stamp = stamp;
      Result<std::vector<TargetGroup>> groups = ReadTargetFile(name);
      if (!groups.has_value()) {
        errors_.Add(1);
        log::Warn("target file not read", {{"file", name}, {"err", groups.error().message()}});
      } else if (*groups != file.groups) {
        file.groups = *std::move(groups);
        changed = true;
      }
    }
    present.emplace(name, std::move(file));
  }
  for (const auto& [name, file] : known_) {
    if (!present.contains(name) && !file.groups.empty()) changed = true;
  }
  known_ = std::move(present);
  return changed;
}

std::vector<TargetGroup> FileDiscovery::Groups() const {
  std::vector<TargetGroup> groups;
  for (const auto& [name, file] : known_) {
    groups.insert(groups.end(), file.groups.begin(), file.groups.end());
  }
  return groups;
}

}  // namespace tocsin::discover
