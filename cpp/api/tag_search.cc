#include "cpp/api/tag_search.h"

#include <set>
#include <utility>
#include <vector>

#include "cpp/base/format.h"

namespace tocsin::api {
namespace {

using Tag = std::pair<std::string, std::string>;

Failure Bad(size_t at, std::string_view what) {
  return InvalidArgumentError("invalid tags at byte " + std::to_string(at) + ": " +
                              std::string(what));
}

Result<std::string> TakeQuoted(std::string_view tags, size_t* at) {
  std::string value;
  const size_t begin = (*at)++;
  while (*at < tags.size() && tags[*at] != '"') {
    if (tags[*at] == '\\' && *at + 1 < tags.size()) ++*at;
    value.push_back(tags[(*at)++]);
  }
  if (*at == tags.size()) return Bad(begin, "this quote is not closed");
  ++*at;
  return value;
}

Result<std::vector<Tag>> ParseLogfmt(std::string_view tags) {
  std::vector<Tag> parsed;
  std::set<std::string, std::less<>> seen;
  size_t at = 0;
  while (true) {
    at = tags.find_first_not_of(' ', at);
    if (at == std::string_view::npos) return parsed;
    const size_t begin = at;
    const size_t equals = tags.find_first_of("= ", at);
    if (equals == std::string_view::npos || tags[equals] != '=' || equals == at) {
      return Bad(at, "expected key=value");
    }
    Tag tag;
    tag.first = tags.substr(at, equals - at);
    at = equals + 1;
    if (at < tags.size() && tags[at] == '"') {
      TOCSIN_ASSIGN_OR_RETURN(tag.second, TakeQuoted(tags, &at));
    } else {
      const size_t end = std::min(tags.find(' ', at), tags.size());
      tag.second = tags.substr(at, end - at);
      at = end;
    }
    if (!seen.insert(tag.first).second) return Bad(begin, "key " + tag.first + " stands twice");
    parsed.push_back(std::move(tag));
  }
}

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted.push_back('\\');
    if (c == '\n') {
      quoted.append("\\n");
    } else {
      quoted.push_back(c);
    }
  }
  quoted.push_back('"');
  return quoted;
}

std::string Contains(std::string_view value) {
  std::string pattern = "(?i).*";
  for (const char c : value) {
    if (std::string_view("\\.+*?()|[]{}^$").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return Quoted(pattern + ".*");
}

std::string Condition(const Tag& tag) {
  const auto& [key, value] = tag;
  const std::string contains = Contains(value);
  if (key == "name") return "name =~ " + contains;
  if (key == "root.name") return "rootName =~ " + contains;
  if (key == "root.service.name") return "rootServiceName =~ " + contains;
  if (key == "error" && value == "true") return "status = error";
  if (key == "status.code" && (value == "error" || value == "ok" || value == "unset")) {
    return "status = " + value;
  }
  const std::string attribute = "." + Quoted(key);
  std::string text = attribute + " =~ " + contains;
  if (value == "true" || value == "false") {
    return "(" + text + " || " + attribute + " = " + value + ")";
  }
  if (const auto number = ParseGoFloat(value);
      number && value.find_first_not_of("0123456789.-") == std::string::npos) {
    return "(" + text + " || " + attribute + " = " + FormatGoFixed(*number) + ")";
  }
  return text;
}

}  // namespace

Result<std::string> TagsToTraceQl(std::string_view tags) {
  TOCSIN_ASSIGN_OR_RETURN(const std::vector<Tag> parsed, ParseLogfmt(tags));
  return TagsToTraceQl(parsed);
}

Result<std::string> TagsToTraceQl(const std::vector<std::pair<std::string, std::string>>& tags) {
  std::set<std::string_view> seen;
  std::string query = "{ ";
  for (const Tag& tag : tags) {
    if (!seen.insert(tag.first).second) {
      return InvalidArgumentError("invalid tags: tag " + tag.first + " has been set twice");
    }
    if (query.size() > 2) query += " && ";
    query += Condition(tag);
  }
  return query + " }";
}

std::string TagOfVersion1(std::string_view tag) {
  if (tag == "root.name") return "rootName";
  if (tag == "root.service.name") return "rootServiceName";
  if (tag == "status.code") return "status";
  return std::string(tag);
}

}  // namespace tocsin::api
