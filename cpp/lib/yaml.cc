#include "cpp/lib/yaml.h"

#include <algorithm>
#include <exception>
#include <set>

#include <yaml-cpp/yaml.h>

namespace tocsin::lib {
namespace {

constexpr int kMaxDepth = 64;
constexpr int kMaxNodes = 1'000'000;

std::string PositionOf(int line, int column) {
  return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

class Converter {
 public:
  Result<Yaml> Convert(const YAML::Node& node, int depth) {
    Yaml yaml;
    yaml.line = node.Mark().line + 1;
    yaml.column = node.Mark().column + 1;
    if (depth > kMaxDepth) return Fail(yaml, "nested more than 64 levels deep");
    if (++nodes_ > kMaxNodes) return Fail(yaml, "more than a million nodes");
    switch (node.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null:
        return yaml;
      case YAML::NodeType::Scalar:
        yaml.type = Yaml::Type::kScalar;
        yaml.scalar = node.Scalar();
        yaml.quoted = node.Tag() == "!";  // yaml-cpp's mark of a scalar that is not plain.
        return yaml;
      case YAML::NodeType::Sequence:
        return Sequence(node, depth, std::move(yaml));
      case YAML::NodeType::Map:
        return Map(node, depth, std::move(yaml));
    }
    return yaml;
  }

 private:
  static Failure Fail(const Yaml& at, std::string_view what) {
    return InvalidArgumentError(at.Position().append(": ").append(what));
  }

  Result<Yaml> Sequence(const YAML::Node& node, int depth, Yaml yaml) {
    yaml.type = Yaml::Type::kSequence;
    for (const YAML::Node& child : node) {
      TOCSIN_ASSIGN_OR_RETURN(Yaml item, Convert(child, depth + 1));
      yaml.items.push_back(std::move(item));
    }
    return yaml;
  }

  Result<Yaml> Map(const YAML::Node& node, int depth, Yaml yaml) {
    yaml.type = Yaml::Type::kMap;
    std::set<std::string> seen;
    std::vector<Yaml> merged;
    for (const auto& member : node) {
      TOCSIN_ASSIGN_OR_RETURN(Yaml key, Convert(member.first, depth + 1));
      if (!key.IsScalar()) return Fail(key, "a key must be a scalar");
      if (!seen.insert(key.scalar).second) {
        return Fail(key, "key \"" + key.scalar + "\" stands here twice");
      }
      TOCSIN_ASSIGN_OR_RETURN(Yaml value, Convert(member.second, depth + 1));
      if (value.IsNull() && value.line <= 0) {  // A missing value has no mark of its own.
        value.line = key.line;
        value.column = key.column;
      }
      if (key.scalar == "<<" && !key.quoted) {
        merged.push_back(std::move(value));
      } else {
        yaml.members.emplace_back(std::move(key), std::move(value));
      }
    }
    for (const Yaml& source : merged) {
      if (!Merge(source, &seen, &yaml)) return Fail(source, "<< takes a map, or a list of maps");
    }
    return yaml;
  }

  /// The merge key: members of `source` that the map has not itself. Of several the first counts.
  static bool Merge(const Yaml& source, std::set<std::string>* seen, Yaml* into) {
    if (source.IsSequence()) {
      return std::ranges::all_of(
          source.items, [&](const Yaml& item) { return item.IsMap() && Merge(item, seen, into); });
    }
    if (!source.IsMap()) return false;
    for (const auto& member : source.members) {
      if (seen->insert(member.first.scalar).second) into->members.push_back(member);
    }
    return true;
  }

  int nodes_ = 0;
};

}  // namespace

const Yaml* Yaml::Find(std::string_view key) const {
  for (const auto& [name, value] : members) {
    if (name.scalar == key) return &value;
  }
  return nullptr;
}

std::string Yaml::Position() const { return PositionOf(line, column); }

Result<std::vector<Yaml>> Yaml::ParseAll(std::string_view text) {
  std::vector<YAML::Node> nodes;
  try {
    nodes = YAML::LoadAll(std::string(text));
  } catch (const YAML::Exception& error) {
    return InvalidArgumentError(PositionOf(error.mark.line + 1, error.mark.column + 1) + ": " +
                                error.msg);
  } catch (const std::exception& error) {
    return InvalidArgumentError(std::string("bad YAML: ") + error.what());
  }
  std::vector<Yaml> documents;
  for (const YAML::Node& node : nodes) {
    TOCSIN_ASSIGN_OR_RETURN(Yaml document, Converter().Convert(node, 0));
    documents.push_back(std::move(document));
  }
  return documents;
}

Result<Yaml> Yaml::Parse(std::string_view text) {
  TOCSIN_ASSIGN_OR_RETURN(std::vector<Yaml> documents, ParseAll(text));
  if (documents.empty()) return Yaml{};
  if (documents.size() > 1) {
    return InvalidArgumentError(documents[1].Position() +
                                ": one document is expected, here is a second");
  }
  return std::move(documents.front());
}

}  // namespace tocsin::lib
