#include "cpp/alerting/notification_template.h"

#include <cstdint>
#include <fstream>
#include <iterator>
#include <set>
#include <utility>

#include "cpp/alerting/default_templates.h"
#include "cpp/alerting/notification_data.h"
#include "cpp/alerting/notification_functions.h"
#include "cpp/base/format.h"
#include "cpp/base/glob.h"
#include "cpp/base/log.h"
#include "cpp/lib/json.h"
#include "cpp/lib/yaml.h"

namespace tocsin::alerting {
namespace {

constexpr size_t kFileBytesMax = size_t{4} << 20;

/// Only the names count.
const tmpl::Functions& FunctionNames() {
  static const NotificationWorld nowhere;
  static const tmpl::Functions names = NotificationFunctions(nowhere);
  return names;
}

Result<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return NotFoundError(path + ": cannot be opened");
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (text.size() > kFileBytesMax) return InvalidArgumentError(path + ": is larger than 4 MiB");
  return text;
}

/// A pattern may name nothing yet; a plain name must be there.
std::vector<std::string> FilesOf(const std::string& pattern) {
  if (!HasWildcard(pattern)) return {pattern};
  return ExpandGlob(pattern);
}

using ExpandText = std::function<Result<std::string>(std::string_view)>;

/// Whether a plain scalar of YAML is something else than a string, and what it is in JSON.
std::optional<std::string> PlainScalar(const std::string& text) {
  if (text.empty() || text == "~" || text == "null") return "null";
  for (const auto& [names, json] :
       {std::pair{std::set<std::string_view>{"true", "True", "TRUE", "yes", "Yes", "YES", "on",
                                             "On", "ON", "y", "Y"},
                  "true"},
        {std::set<std::string_view>{"false", "False", "FALSE", "no", "No", "NO", "off", "Off",
                                    "OFF", "n", "N"},
         "false"}}) {
    if (names.contains(text)) return json;
  }
  // What is a number in JSON too stays as it is written.
  const Result<lib::Json> json = lib::Json::Parse(text);
  using Type = lib::Json::Type;
  if (!json.has_value()) return std::nullopt;
  const bool number =
      json->type == Type::kInt || json->type == Type::kUint || json->type == Type::kDouble;
  return number ? std::optional(text) : std::nullopt;
}

void AppendYaml(std::string* out, const lib::Yaml& node) {
  switch (node.type) {
    case lib::Yaml::Type::kNull:
      out->append("null");
      break;
    case lib::Yaml::Type::kScalar:
      if (const auto plain = node.quoted ? std::nullopt : PlainScalar(node.scalar)) {
        out->append(*plain);
      } else {
        AppendJsonText(out, node.scalar);
      }
      break;
    case lib::Yaml::Type::kSequence:
      out->push_back('[');
      for (const lib::Yaml& item : node.items) {
        if (out->back() != '[') out->push_back(',');
        AppendYaml(out, item);
      }
      out->push_back(']');
      break;
    case lib::Yaml::Type::kMap:
      out->push_back('{');
      for (const auto& [key, member] : node.members) {
        if (out->back() != '{') out->push_back(',');
        AppendJsonText(out, key.scalar);
        out->push_back(':');
        AppendYaml(out, member);
      }
      out->push_back('}');
      break;
  }
}

/// A text that was expanded: what it is as YAML, unless that is a string.
void AppendExpanded(std::string* out, const std::string& text) {
  const Result<lib::Yaml> yaml = lib::Yaml::Parse(text);
  const bool is_value =
      yaml.has_value() &&
      (!yaml->IsScalar() || (!yaml->quoted && PlainScalar(yaml->scalar).has_value()));
  if (is_value) {
    AppendYaml(out, *yaml);
  } else {
    AppendJsonText(out, text);
  }
}

/// Copies JSON, expanding every text of it.
Status AppendPayload(std::string* out, const lib::Json& node, const ExpandText& expand) {
  using Type = lib::Json::Type;
  switch (node.type) {
    case Type::kString: {
      TOCSIN_ASSIGN_OR_RETURN(const std::string text, expand(node.string));
      AppendExpanded(out, text);
      break;
    }
    case Type::kArray:
      out->push_back('[');
      for (size_t i = 0; i < node.array.size(); ++i) {
        if (i > 0) out->push_back(',');
        TOCSIN_RETURN_IF_ERROR(AppendPayload(out, node.array[i], expand));
      }
      out->push_back(']');
      break;
    case Type::kObject: {
      // Go writes the members of a map by name.
      std::map<std::string, const lib::Json*> members;
      for (const auto& [key, member] : node.object) {
        TOCSIN_ASSIGN_OR_RETURN(std::string name, expand(key));
        members.insert_or_assign(std::move(name), &member);
      }
      out->push_back('{');
      bool first = true;
      for (const auto& [name, member] : members) {
        if (!std::exchange(first, false)) out->push_back(',');
        AppendJsonText(out, name);
        out->push_back(':');
        TOCSIN_RETURN_IF_ERROR(AppendPayload(out, *member, expand));
      }
      out->push_back('}');
      break;
    }
    case Type::kNull:
      out->append("null");
      break;
    case Type::kBool:
      out->append(node.boolean ? "true" : "false");
      break;
    case Type::kInt:
      out->append(std::to_string(node.integer));
      break;
    case Type::kUint:
      out->append(std::to_string(node.uinteger));
      break;
    case Type::kDouble:
      out->append(FormatGoFloat(node.number));
      break;
  }
  return {};
}

/// Expands the labels of a route, each once, whatever the order in which they name each other.
class RouteLabelReader {
 public:
  RouteLabelReader(const Labels& raw, const GroupMessage& message, const tmpl::Template& library)
      : raw_(raw), data_(TemplateData(message)), library_(library) {
    world_.now = message.now;
    world_.route_label = [this](std::string_view name) { return Get(std::string(name)); };
    functions_ = NotificationFunctions(world_);
  }

  Result<std::string> Get(const std::string& name) {
    if (!raw_.Has(name)) return std::string();
    if (const auto known = done_.find(name); known != done_.end()) return known->second;
    if (!under_way_.insert(name).second) {
      return InvalidArgumentError("route label cycle detected at " + name);
    }
    Result<std::string> text = Expand(raw_.Get(name));
    under_way_.erase(name);
    if (text.has_value()) done_.emplace(name, *text);
    return text;
  }

 private:
  Result<std::string> Expand(std::string_view text) const {
    TOCSIN_ASSIGN_OR_RETURN(const tmpl::Template parsed,
                            tmpl::Template::ParseWithLibrary(text, {}, functions_, library_));
    return parsed.Execute(data_, functions_);
  }

  const Labels& raw_;
  const tmpl::Value data_;
  const tmpl::Template& library_;
  NotificationWorld world_;
  tmpl::Functions functions_;
  std::map<std::string, std::string> done_;
  std::set<std::string> under_way_;
};

}  // namespace

Result<NotificationTemplates> NotificationTemplates::Load(std::span<const std::string> files) {
  static const Result<tmpl::Template> defaults =
      tmpl::Template::Parse(DefaultTemplates(), FunctionNames());
  TOCSIN_CHECK(defaults.has_value());
  tmpl::Template library = *defaults;
  for (const std::string& pattern : files) {
    for (const std::string& path : FilesOf(pattern)) {
      TOCSIN_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
      TOCSIN_ASSIGN_OR_RETURN(
          library, tmpl::Template::ParseWithLibrary(text, path, FunctionNames(), library));
    }
  }
  return NotificationTemplates(std::move(library));
}

Status NotificationTemplates::Check(std::string_view text) const {
  const auto parsed = tmpl::Template::ParseWithLibrary(text, {}, FunctionNames(), library_);
  return parsed.has_value() ? Status() : parsed.error();
}

Result<std::string> NotificationTemplates::Expand(std::string_view text,
                                                  const GroupMessage& message) const {
  NotificationWorld world;
  world.now = message.now;
  world.route_label = [&message](std::string_view name) -> Result<std::string> {
    return std::string(message.route_labels.Get(name));
  };
  const tmpl::Functions functions = NotificationFunctions(world);
  TOCSIN_ASSIGN_OR_RETURN(const tmpl::Template parsed,
                          tmpl::Template::ParseWithLibrary(text, {}, functions, library_));
  return parsed.Execute(TemplateData(message), functions);
}

Status NotificationTemplates::CheckPayload(std::string_view payload) const {
  if (payload.empty()) return {};
  TOCSIN_ASSIGN_OR_RETURN(const lib::Json json, lib::Json::Parse(payload));
  std::string ignored;
  return AppendPayload(&ignored, json, [this](std::string_view text) -> Result<std::string> {
    TOCSIN_RETURN_IF_ERROR(Check(text));
    return std::string();
  });
}

Result<std::string> NotificationTemplates::ExpandPayload(std::string_view payload,
                                                         const GroupMessage& message) const {
  TOCSIN_ASSIGN_OR_RETURN(const lib::Json json, lib::Json::Parse(payload));
  std::string out;
  TOCSIN_RETURN_IF_ERROR(
      AppendPayload(&out, json, [&](std::string_view text) { return Expand(text, message); }));
  return out.append("\n");
}

Labels NotificationTemplates::RouteLabels(const Labels& raw, const GroupMessage& message) const {
  Labels labels;
  if (raw.empty()) return labels;
  GroupMessage with = message;
  with.route_labels = raw;
  RouteLabelReader reader(raw, with, library_);
  for (const auto& [name, text] : raw) {
    const Result<std::string> value = reader.Get(name);
    if (value.has_value()) {
      labels.Set(name, *value);
    } else {
      log::Error("a label of a route cannot be expanded",
                 {{"label", name}, {"err", value.error().message()}});
    }
  }
  return labels;
}

}  // namespace tocsin::alerting
