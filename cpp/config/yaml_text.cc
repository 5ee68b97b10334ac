#include "cpp/config/yaml_text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "cpp/config/effective_writer.h"
#include "cpp/config/units.h"
#include "cpp/lib/json.h"

namespace tocsin::config {
namespace {

bool IsSecretKey(std::string_view key) {
  constexpr std::array<std::string_view, 8> kNames{
      "password", "credentials", "key",    "secrets",
      "url",      "webhook_url", "secret", "proxy_connect_header"};
  constexpr std::array<std::string_view, 6> kEnds{"_password", "_secret",      "_token",
                                                  "_api_key",  "_webhook_url", "_token_id"};
  return std::ranges::find(kNames, key) != kNames.end() || key == "slack_api_url" ||
         std::ranges::any_of(kEnds, [&](std::string_view end) { return key.ends_with(end); });
}

// Of maps whose keys are names of labels.
bool IsOfLabels(std::string_view key) {
  return key == "labels" || key.ends_with("match") || key.ends_with("match_re");
}

enum class Hide : uint8_t { kNothing, kByKey, kAll };

Hide HideBelow(Hide above, std::string_view key) {
  if (above != Hide::kByKey) return above;
  if (IsOfLabels(key)) return Hide::kNothing;
  return IsSecretKey(key) ? Hide::kAll : Hide::kByKey;
}

std::string ScalarText(const lib::Yaml& node) {
  const std::string shown = HidePassword(node.scalar);
  return node.quoted || shown.empty() ? Quoted(shown) : shown;
}

class YamlPrinter {
 public:
  // Behind a key or a dash, at which the line ends or goes on.
  void Value(const lib::Yaml& node, size_t indent, Hide hide) {
    if (node.IsMap() && !node.members.empty()) {
      out_.push_back('\n');
      Members(node, indent, hide, false);
    } else if (node.IsSequence() && !node.items.empty()) {
      out_.push_back('\n');
      Items(node, indent, hide);
    } else {
      if (node.IsMap()) {
        out_.append(" {}");
      } else if (node.IsSequence()) {
        out_.append(" []");
      } else if (!node.IsNull()) {
        out_.append(" ").append(hide == Hide::kAll && !node.scalar.empty()
                                    ? std::string(Writer::kSecret)
                                    : ScalarText(node));
      }
      out_.push_back('\n');
    }
  }

  // `in_line`: the first stands behind a dash.
  void Members(const lib::Yaml& map, size_t indent, Hide hide, bool in_line) {
    for (const auto& [key, value] : map.members) {
      out_.append(in_line ? 0 : indent, ' ').append(ScalarText(key)).append(":");
      in_line = false;
      Value(value, value.IsSequence() ? indent : indent + 2, HideBelow(hide, key.scalar));
    }
  }

  std::string Take() && { return std::move(out_); }

 private:
  void Items(const lib::Yaml& list, size_t indent, Hide hide) {
    for (const lib::Yaml& item : list.items) {
      out_.append(indent, ' ').append("-");
      if (item.IsMap() && !item.members.empty()) {
        out_.push_back(' ');
        Members(item, indent + 2, hide, true);
      } else {
        Value(item, indent + 2, hide);
      }
    }
  }

  std::string out_;
};

bool IsNumber(const std::string& text) {
  const auto json = lib::Json::Parse(text);
  return json.has_value() &&
         (json->type == lib::Json::Type::kInt || json->type == lib::Json::Type::kUint ||
          json->type == lib::Json::Type::kDouble);
}

void WriteScalar(const lib::Yaml& node, lib::JsonWriter* w) {
  const std::optional<bool> flag = ParseBool(node.scalar);
  if (flag && !node.quoted) {
    w->Bool(*flag);
  } else if (!node.quoted && IsNumber(node.scalar)) {
    w->Raw(node.scalar);
  } else {
    w->String(node.scalar);
  }
}

void WriteJson(const lib::Yaml& node, lib::JsonWriter* w) {
  switch (node.type) {
    case lib::Yaml::Type::kNull:
      w->Null();
      break;
    case lib::Yaml::Type::kScalar:
      WriteScalar(node, w);
      break;
    case lib::Yaml::Type::kSequence:
      w->BeginArray();
      for (const lib::Yaml& item : node.items) WriteJson(item, w);
      w->EndArray();
      break;
    case lib::Yaml::Type::kMap:
      w->BeginObject();
      for (const auto& [key, value] : node.members) {
        w->Key(key.scalar);
        WriteJson(value, w);
      }
      w->EndObject();
      break;
  }
}

}  // namespace

std::string YamlWithoutSecrets(const lib::Yaml& node) {
  YamlPrinter printer;
  if (node.IsMap()) {
    printer.Members(node, 0, Hide::kByKey, false);
  } else {
    printer.Value(node, 0, Hide::kByKey);
  }
  return std::move(printer).Take();
}

std::string YamlAsJson(const lib::Yaml& node) {
  lib::JsonWriter writer;
  WriteJson(node, &writer);
  return std::move(writer).Take();
}

}  // namespace tocsin::config
