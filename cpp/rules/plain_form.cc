#include "cpp/rules/plain_form.h"

#include <map>
#include <utility>
#include <vector>

#include "cpp/lib/yaml.h"
#include "cpp/rules/yaml_text.h"

namespace tocsin::rules {
namespace {

using lib::Yaml;

void Collect(const Yaml& document, std::vector<const Yaml*>* groups) {
  const Yaml* kind = document.Find("kind");
  const Yaml* holder = kind == nullptr ? &document : nullptr;
  if (kind != nullptr && kind->scalar == "PrometheusRule") holder = document.Find("spec");
  const Yaml* list = holder != nullptr ? holder->Find("groups") : nullptr;
  if (list != nullptr) {
    for (const Yaml& group : list->items) groups->push_back(&group);
  }
  const bool is_list =
      kind != nullptr && (kind->scalar == "List" || kind->scalar == "PrometheusRuleList");
  const Yaml* items = is_list ? document.Find("items") : nullptr;
  if (items == nullptr) return;
  for (const Yaml& item : items->items) Collect(item, groups);
}

}  // namespace

Result<std::string> PlainForm(std::string_view text) {
  TOCSIN_ASSIGN_OR_RETURN(const std::vector<Yaml> documents, Yaml::ParseAll(text));
  std::vector<const Yaml*> groups;
  for (const Yaml& document : documents) Collect(document, &groups);
  Yaml list;
  list.type = Yaml::Type::kSequence;
  std::map<std::string, std::string> places;
  for (const Yaml* group : groups) {
    const Yaml* name = group->Find("name");
    if (name != nullptr && !places.emplace(name->scalar, name->Position()).second) {
      return InvalidArgumentError(name->Position() + ": group \"" + name->scalar +
                                  "\" is also at " + places[name->scalar] +
                                  ", and a plain file holds a name once");
    }
    list.items.push_back(*group);
    std::erase_if(list.items.back().members, [](const auto& member) {
      return member.first.scalar == "partial_response_strategy";  // Unknown to Prometheus.
    });
  }
  Yaml file;
  file.type = Yaml::Type::kMap;
  Yaml key;
  key.type = Yaml::Type::kScalar;
  key.scalar = "groups";
  file.members.emplace_back(std::move(key), std::move(list));
  return YamlText(file);
}

}  // namespace tocsin::rules
