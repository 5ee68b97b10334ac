#include "cpp/config/reading.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <optional>
#include <sstream>
#include <system_error>
#include <tuple>

#include "cpp/base/duration.h"
#include "cpp/config/units.h"

namespace tocsin::config {
namespace {

void MarkAsOverride(int line, lib::Yaml* node) {
  node->line = line;
  for (lib::Yaml& item : node->items) MarkAsOverride(line, &item);
  for (auto& [key, value] : node->members) {
    MarkAsOverride(line, &key);
    MarkAsOverride(line, &value);
  }
}

std::optional<size_t> AsIndex(std::string_view text) {
  size_t index = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return index;
}

// Where a path goes from `node`, made if it is not there; null if it cannot go there.
lib::Yaml* Descend(std::string_view key, int line, lib::Yaml* node) {
  const std::optional<size_t> index = AsIndex(key);
  if (node->IsNull()) node->type = index ? lib::Yaml::Type::kSequence : lib::Yaml::Type::kMap;
  lib::Yaml made;
  made.line = line;
  if (node->IsSequence()) {
    if (!index || *index > node->items.size()) return nullptr;
    if (*index == node->items.size()) node->items.push_back(made);
    return &node->items[*index];
  }
  if (!node->IsMap()) return nullptr;
  for (auto& [name, value] : node->members) {
    if (name.scalar == key) return &value;
  }
  lib::Yaml name = made;
  name.type = lib::Yaml::Type::kScalar;
  name.scalar = key;
  node->members.emplace_back(std::move(name), std::move(made));
  return &node->members.back().second;
}

std::string Quoted(std::string_view text) {
  constexpr size_t kShown = 60;
  std::string out = "\"";
  out.append(text.substr(0, kShown)).append(text.size() > kShown ? "..." : "");
  return out.append("\"");
}

std::string Found(const lib::Yaml& node) {
  if (node.IsSequence()) return "a list";
  if (node.IsMap()) return "a map";
  if (node.IsNull()) return "nothing";
  return Quoted(node.scalar);
}

// Insertions, removals, replacements and swaps of neighbours.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> d(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (size_t k = 0; k <= b.size(); ++k) d[0][k] = k;
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t k = 1; k <= b.size(); ++k) {
      const size_t change = a[i - 1] == b[k - 1] ? 0 : 1;
      d[i][k] = std::min({d[i - 1][k] + 1, d[i][k - 1] + 1, d[i - 1][k - 1] + change});
      if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1]) {
        d[i][k] = std::min(d[i][k], d[i - 2][k - 2] + 1);
      }
    }
  }
  return d[a.size()][b.size()];
}

}  // namespace

std::string EndpointOf(std::string host, uint32_t port) {
  if (host.empty()) host = "0.0.0.0";
  if (host.find(':') != std::string::npos && host.front() != '[') host = "[" + host + "]";
  return NormalEndpoint(host + ":" + std::to_string(port), 0);
}

std::string_view Nearest(std::string_view word, const std::set<std::string, std::less<>>& known) {
  constexpr size_t kLongest = 64;
  if (word.size() > kLongest) return {};
  std::string_view nearest;
  size_t least = std::max<size_t>(2, word.size() / 3) + 1;
  for (const std::string& candidate : known) {
    const size_t distance = EditDistance(word, candidate);
    if (distance >= least) continue;
    least = distance;
    nearest = candidate;
  }
  return nearest;
}

std::string NormalEndpoint(std::string_view text, int default_port) {
  std::string_view host = text;
  std::string_view port;
  if (const size_t colon = text.rfind(':');
      colon != std::string_view::npos && text.find(']', colon) == std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
  }
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  const std::string_view bare = bracketed ? host.substr(1, host.size() - 2) : host;
  const bool is_v6 = bare.find(':') != std::string_view::npos;
  if (is_v6 != bracketed) return {};
  const auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '-' || c == '_' || c == ':' || c == '%';
  };
  if (!std::all_of(bare.begin(), bare.end(), allowed)) return {};
  std::string out(host.empty() ? "0.0.0.0" : host);
  if (port.empty()) {
    if (default_port == 0 || host.size() != text.size() || text.empty()) return {};
    return out.append(":").append(std::to_string(default_port));
  }
  const std::optional<size_t> number = AsIndex(port);
  if (!number || *number > 65'535) return {};
  return out.append(":").append(std::to_string(*number));
}

Status Reading::Override(std::string_view path, std::string_view value, lib::Yaml* tree) {
  override_paths_.emplace_back(path);
  const int line = -static_cast<int>(override_paths_.size());
  const std::string context = "--set " + std::string(path);
  lib::Yaml parsed;
  if (value.empty()) {
    parsed.type = lib::Yaml::Type::kScalar;
    parsed.quoted = true;
  } else {
    Result<lib::Yaml> result = lib::Yaml::Parse(value);
    if (!result.has_value()) return result.error().WithContext(context);
    parsed = *std::move(result);
  }
  MarkAsOverride(line, &parsed);
  lib::Yaml* node = tree;
  for (std::string_view rest = path;;) {
    const size_t dot = rest.find('.');
    const std::string_view key = rest.substr(0, dot);
    lib::Yaml* next = key.empty() ? nullptr : Descend(key, line, node);
    if (next == nullptr) {
      return InvalidArgumentError(context + ": nothing can be set at " + Quoted(key));
    }
    node = next;
    if (dot == std::string_view::npos) break;
    rest.remove_prefix(dot + 1);
  }
  *node = std::move(parsed);
  return {};
}

std::string Reading::ShortPlace(const lib::Yaml& node) const {
  if (IsOverride(node)) return "--set " + override_paths_[static_cast<size_t>(-node.line) - 1];
  return file_name_ + ":" + std::to_string(node.line) + ":" + std::to_string(node.column);
}

std::string Reading::Resolve(const lib::Yaml& at, std::string_view path) const {
  const size_t slash = file_name_.rfind('/');
  if (path.empty() || path.starts_with('/') || IsOverride(at) || slash == std::string::npos) {
    return std::string(path);
  }
  return file_name_.substr(0, slash + 1) + std::string(path);
}

void Reading::Error(const lib::Yaml& at, std::string_view message) {
  std::string text = IsOverride(at) ? ShortPlace(at) : file_name_ + ": " + at.Position();
  errors_.push_back({at.line, at.column, text.append(": ").append(message)});
}

void Reading::Warn(const lib::Yaml& at, std::string_view message) {
  warnings_.push_back(ShortPlace(at).append(": ").append(message));
}

bool Reading::Claim(const std::string& setting, const lib::Yaml& node) {
  const auto it = claimed_.find(setting);
  if (it == claimed_.end()) {
    claimed_[setting] = {node.line, node.column};
    return true;
  }
  const bool held_by_file = it->second.line > 0;
  if (IsOverride(node) && (held_by_file || node.line < it->second.line)) {
    it->second = {node.line, node.column};
    return true;
  }
  if (!IsOverride(node) && held_by_file) {
    Warn(node,
         setting + " is set here again; what counts is line " + std::to_string(it->second.line));
  }
  return false;
}

std::string Reading::OriginOf(const std::string& setting) const {
  const auto it = claimed_.find(setting);
  if (it == claimed_.end()) {
    const auto adopted = adopted_.find(setting);
    return adopted == adopted_.end() ? "default" : adopted->second;
  }
  lib::Yaml at;
  at.line = it->second.line;
  at.column = it->second.column;
  return ShortPlace(at);
}

std::optional<lib::Yaml> Reading::ReadOther(const lib::Yaml& at, std::string_view key,
                                            const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::error_code ignored;
  if (!file || std::filesystem::is_directory(path, ignored)) {
    Error(at, std::string(key) + ": cannot read " + path);
    return std::nullopt;
  }
  std::ostringstream text;
  text << file.rdbuf();
  Result<lib::Yaml> tree = lib::Yaml::Parse(std::move(text).str());
  if (!tree.has_value()) {
    Error(at, path + ": " + std::string(tree.error().message()));
    return std::nullopt;
  }
  return *std::move(tree);
}

void Reading::Adopt(const lib::Yaml& at, Reading other) {
  for (const auto& [setting, claimed] : other.claimed_) adopted_[setting] = other.OriginOf(setting);
  if (const Status error = other.FirstError(); !error.ok()) Error(at, error.message());
  std::ranges::move(other.warnings_, std::back_inserter(warnings_));
}

Status Reading::FirstError() const {
  if (errors_.empty()) return {};
  // Positions of the file ascend; overrides, with -1, -2 and so on, come behind it in their order.
  const auto key = [](const Problem& problem) {
    return std::make_tuple(problem.line < 0, std::abs(problem.line), problem.column);
  };
  const auto first =
      std::min_element(errors_.begin(), errors_.end(),
                       [&](const Problem& a, const Problem& b) { return key(a) < key(b); });
  return InvalidArgumentError(first->text);
}

Section::Section(Reading* reading, const lib::Yaml* node, std::string path, std::string name)
    : reading_(reading), node_(node), path_(std::move(path)), name_(std::move(name)) {
  if (node_ == nullptr || node_->IsMap()) return;
  if (!node_->IsNull()) {
    reading_->Error(*node_, (path_.empty() ? "a configuration" : path_) + " must be a map, not " +
                                Found(*node_));
  }
  node_ = nullptr;
}

std::string Section::PathOf(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

std::string Section::NameOf(std::string_view key) const {
  return name_.empty() ? std::string(key) : name_ + "." + std::string(key);
}

const lib::Yaml* Section::Find(std::string_view key) {
  known_.emplace(key);
  return node_ == nullptr ? nullptr : node_->Find(key);
}

const lib::Yaml* Section::Any(std::string_view key) {
  const lib::Yaml* value = Find(key);
  return value == nullptr || value->IsNull() ? nullptr : value;
}

const lib::Yaml* Section::Scalar(std::string_view key) {
  const lib::Yaml* value = Any(key);
  if (value == nullptr || value->IsScalar()) return value;
  reading_->Error(*value, PathOf(key) + " must be a single value, not " + Found(*value));
  return nullptr;
}

template <class T, class Parse>
void Section::Read(std::string_view key, T* out, std::string_view name, Parse parse,
                   std::string_view what) {
  const lib::Yaml* value = Scalar(key);
  if (value == nullptr) return;
  const auto parsed = parse(std::string_view(value->scalar));
  if (!parsed) {
    reading_->Error(*value,
                    PathOf(key) + ": " + Quoted(value->scalar) + " is no " + std::string(what));
    return;
  }
  if (reading_->Claim(name.empty() ? NameOf(key) : std::string(name), *value)) {
    *out = static_cast<T>(*parsed);
  }
}

void Section::Text(std::string_view key, std::string* out, std::string_view name) {
  const auto any = [](std::string_view text) { return std::optional<std::string>(text); };
  Read(key, out, name, any, "text");
}

void Section::File(std::string_view key, std::string* out, std::string_view name) {
  const lib::Yaml* value = Any(key);
  const auto resolve = [&](std::string_view text) {
    return std::optional<std::string>(reading_->Resolve(*value, text));
  };
  Read(key, out, name, resolve, "path of a file");
}

void Section::Bool(std::string_view key, bool* out, std::string_view name) {
  Read(key, out, name, ParseBool, "true or false");
}

void Section::Size(std::string_view key, uint64_t* out, std::string_view name) {
  Read(key, out, name, ParseSize, "size such as 30GB, 30Gi or 1_000_000");
}

void Section::BinarySize(std::string_view key, uint64_t* out, std::string_view name) {
  Read(key, out, name, ParseBinarySize, "size such as 10MB or 10MiB (both 2^20 bytes each)");
}

void Section::Period(std::string_view key, Nanos* out, std::string_view name) {
  Read(key, out, name, ParsePeriod, "duration such as 10s, 1h30m or 30d");
}

void Section::Count(std::string_view key, uint32_t* out, std::string_view name) {
  const auto parse = [](std::string_view text) {
    const std::optional<uint64_t> count = ParseCount(text);
    return count && *count <= std::numeric_limits<uint32_t>::max() ? count : std::nullopt;
  };
  Read(key, out, name, parse, "whole number below 2^32");
}

void Section::Count64(std::string_view key, uint64_t* out, std::string_view name) {
  Read(key, out, name, ParseCount, "whole number");
}

void Section::Endpoint(std::string_view key, std::string* out, std::string_view name) {
  const auto parse = [](std::string_view text) -> std::optional<std::string> {
    if (text.empty()) return std::string();
    std::string endpoint = NormalEndpoint(text, 0);
    if (endpoint.empty()) return std::nullopt;
    return endpoint;
  };
  Read(key, out, name, parse, "address such as 0.0.0.0:4317 or [::1]:4317");
}

void Section::Choice(std::string_view key, const std::vector<std::string_view>& choices,
                     std::string* out) {
  std::string what = "known value; choose from";
  for (const std::string_view choice : choices) what.append(" ").append(choice);
  const auto parse = [&](std::string_view text) -> std::optional<std::string> {
    if (std::find(choices.begin(), choices.end(), text) == choices.end()) return std::nullopt;
    return std::string(text);
  };
  Read(key, out, {}, parse, what);
}

void Section::Texts(std::string_view key, std::vector<std::string>* out) {
  const lib::Yaml* list = Any(key);
  if (list == nullptr) return;
  if (!list->IsSequence()) {
    reading_->Error(*list, PathOf(key) + " must be a list, not " + Found(*list));
    return;
  }
  if (!reading_->Claim(NameOf(key), *list)) return;
  out->clear();
  for (const lib::Yaml& item : list->items) {
    if (item.IsScalar()) {
      out->push_back(item.scalar);
    } else {
      reading_->Error(item, PathOf(key) + " must hold texts, not " + Found(item));
    }
  }
}

void Section::Pairs(std::string_view key, std::vector<std::pair<std::string, std::string>>* out) {
  const lib::Yaml* map = Any(key);
  if (map == nullptr) return;
  if (!map->IsMap()) {
    reading_->Error(*map, PathOf(key) + " must be a map, not " + Found(*map));
    return;
  }
  if (!reading_->Claim(NameOf(key), *map)) return;
  out->clear();
  for (const auto& [name, value] : map->members) {
    if (name.scalar.empty()) reading_->Error(name, PathOf(key) + " holds an empty name");
    if (value.IsScalar() || value.IsNull()) {
      out->emplace_back(name.scalar, value.scalar);
    } else {
      reading_->Error(value,
                      PathOf(key) + "." + name.scalar + " must be a text, not " + Found(value));
    }
  }
}

Section Section::Map(std::string_view key, std::string_view name) {
  return {reading_, Find(key), PathOf(key), name.empty() ? NameOf(key) : std::string(name)};
}

std::vector<Section> Section::Maps(std::string_view key, std::string_view name, size_t first) {
  std::vector<Section> maps;
  const lib::Yaml* list = Any(key);
  if (list == nullptr) return maps;
  if (!list->IsSequence()) {
    reading_->Error(*list, PathOf(key) + " must be a list, not " + Found(*list));
    return maps;
  }
  const std::string known_as = name.empty() ? NameOf(key) : std::string(name);
  for (size_t i = 0; i < list->items.size(); ++i) {
    const std::string path = PathOf(key) + "[" + std::to_string(i) + "]";
    const lib::Yaml& item = list->items[i];
    if (item.IsMap()) {
      maps.emplace_back(reading_, &item, path, known_as + "[" + std::to_string(first + i) + "]");
    } else {
      reading_->Error(item, path + " must be a map, not " + Found(item));
    }
  }
  return maps;
}

void Section::Ignore(const std::vector<std::string_view>& keys, std::string_view reason) {
  for (const std::string_view key : keys) {
    known_.emplace(key);
    if (node_ == nullptr) continue;
    for (const auto& [name, value] : node_->members) {
      if (name.scalar != key) continue;
      reading_->Warn(name, PathOf(key) + " has no effect: " + std::string(reason));
    }
  }
}

void Section::Refuse(const std::vector<std::string_view>& keys) {
  for (const std::string_view key : keys) {
    known_.emplace(key);
    if (node_ == nullptr) continue;
    for (const auto& [name, value] : node_->members) {
      if (name.scalar != key) continue;
      reading_->Error(name, PathOf(key) + " is not supported in this version");
    }
  }
}

void Section::Fail(std::string_view key, std::string_view message) {
  const lib::Yaml* at = Any(key);
  if (at == nullptr) at = node_;
  const lib::Yaml nowhere;
  reading_->Error(at == nullptr ? nowhere : *at, PathOf(key) + " " + std::string(message));
}

void Section::Done() {
  if (node_ == nullptr || rest_ignored_) return;
  for (const auto& [name, value] : node_->members) {
    if (known_.contains(name.scalar)) continue;
    std::string message = "unknown key " + Quoted(name.scalar);
    if (!path_.empty()) message.append(" in ").append(path_);
    const std::string_view nearest = Nearest(name.scalar, known_);
    if (!nearest.empty()) message.append("; did you mean ").append(Quoted(nearest)).append("?");
    reading_->Error(name, message);
  }
}

}  // namespace tocsin::config
