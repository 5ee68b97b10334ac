#include "cpp/http/accept.h"

#include <algorithm>

#include "cpp/base/format.h"
#include "cpp/http/content.h"

namespace tocsin::http {
namespace {

// Calls `see(item)` for each item between separators, without the spaces around it.
template <class See>
void ForEachItem(std::string_view list, char separator, See see) {
  while (!list.empty()) {
    const size_t end = std::min(list.find(separator), list.size());
    std::string_view item = list.substr(0, end);
    list.remove_prefix(std::min(end + 1, list.size()));
    const size_t first = item.find_first_not_of(" \t");
    if (first == std::string_view::npos) continue;
    see(item.substr(first, item.find_last_not_of(" \t") - first + 1));
  }
}

Choice ReadChoice(std::string_view item) {
  Choice choice{.name = MediaType(item), .version = {}, .weight = 1};
  ForEachItem(item, ';', [&](std::string_view parameter) {
    const size_t equals = parameter.find('=');
    if (equals == std::string_view::npos) return;
    const std::string name = MediaType(parameter.substr(0, equals));
    const std::string_view value = parameter.substr(equals + 1);
    if (name == "version") choice.version = value;
    if (name == "q") choice.weight = std::clamp(ParseGoFloat(value).value_or(0), 0.0, 1.0);
  });
  return choice;
}

}  // namespace

std::vector<Choice> ReadChoices(std::string_view header) {
  std::vector<Choice> choices;
  ForEachItem(header, ',', [&](std::string_view item) { choices.push_back(ReadChoice(item)); });
  return choices;
}

bool AcceptsGzip(std::string_view accept_encoding) {
  bool accepts = false;
  for (const Choice& choice : ReadChoices(accept_encoding)) {
    if (choice.name == "gzip" || choice.name == "x-gzip") accepts = choice.weight > 0;
  }
  return accepts;
}

}  // namespace tocsin::http
