#include "cpp/api/tags_json.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <string_view>
#include <utility>

#include "cpp/lib/json.h"
#include "cpp/lib/json_texts.h"

namespace tocsin::api {
namespace {

using lib::JsonWriter;

// Blocks are what jobs are elsewhere; all are done when the answer is there.
std::string Finish(const traceql::TagStats& stats, bool truncated, JsonWriter w) {
  w.Key("metrics").BeginObject();
  w.Key("inspectedBytes").String(std::to_string(stats.inspected_bytes));
  w.Key("totalJobs").Uint(stats.total_blocks);
  w.Key("completedJobs").Uint(stats.total_blocks);
  w.Key("totalBlocks").Uint(stats.total_blocks);
  w.EndObject();
  if (truncated) w.Key("truncated").Bool(true);
  w.EndObject();
  return std::move(w).Take();
}

void SortOnce(std::vector<std::string>* texts) {
  std::ranges::sort(*texts);
  texts->erase(std::unique(texts->begin(), texts->end()), texts->end());
}

}  // namespace

std::vector<NamedScope> ScopesOf(const TagsAnswer& answer) {
  std::vector<NamedScope> scopes;
  const auto add = [&](std::string_view name, AttrScope scope) {
    const auto& tags = answer.names.scopes[static_cast<size_t>(scope)];
    if (answer.attributes && !tags.empty()) scopes.push_back({name, tags});
  };
  add("span", AttrScope::kSpan);
  add("resource", AttrScope::kResource);
  if (answer.intrinsics) {
    NamedScope intrinsics{"intrinsic", {}};
    for (const std::string_view tag : traceql::IntrinsicTags()) intrinsics.tags.emplace_back(tag);
    scopes.push_back(std::move(intrinsics));
  }
  add("event", AttrScope::kEvent);
  add("link", AttrScope::kLink);
  add("instrumentation", AttrScope::kInstrumentation);
  return scopes;
}

std::vector<std::string> NamesOf(const TagsAnswer& answer) {
  const bool all = answer.attributes && answer.intrinsics;
  std::vector<std::string> names;
  for (NamedScope& scope : ScopesOf(answer)) {
    if (all && scope.name != "span" && scope.name != "resource") continue;
    std::ranges::move(scope.tags, std::back_inserter(names));
  }
  SortOnce(&names);
  return names;
}

std::string TagNamesJson(const TagsAnswer& answer) {
  JsonWriter w;
  w.BeginObject();
  w.Key("tagNames");
  lib::WriteTextList(NamesOf(answer), &w);
  return Finish(answer.names.stats, answer.names.truncated, std::move(w));
}

std::string TagScopesJson(const TagsAnswer& answer) {
  JsonWriter w;
  w.BeginObject().Key("scopes").BeginArray();
  for (const NamedScope& scope : ScopesOf(answer)) {
    w.BeginObject().Key("name").String(scope.name);
    w.Key("tags");
    lib::WriteTextList(scope.tags, &w);
    w.EndObject();
  }
  w.EndArray();
  return Finish(answer.names.stats, answer.names.truncated, std::move(w));
}

std::vector<std::string> TextsOf(const traceql::TagValues& values) {
  std::vector<std::string> texts;
  texts.reserve(values.values.size());
  for (const traceql::TagValue& value : values.values) texts.push_back(value.text);
  SortOnce(&texts);
  return texts;
}

std::string TagValuesJson(const traceql::TagValues& values) {
  JsonWriter w;
  w.BeginObject();
  w.Key("tagValues");
  lib::WriteTextList(TextsOf(values), &w);
  return Finish(values.stats, values.truncated, std::move(w));
}

std::string TypedTagValuesJson(const traceql::TagValues& values) {
  JsonWriter w;
  w.BeginObject().Key("tagValues").BeginArray();
  for (const traceql::TagValue& value : values.values) {
    w.BeginObject().Key("type").String(TagTypeName(value.type));
    w.Key("value").String(value.text).EndObject();
  }
  w.EndArray();
  return Finish(values.stats, values.truncated, std::move(w));
}

std::string CompactTagValuesJson(const traceql::TagValues& values) {
  std::map<std::string_view, std::vector<std::string>> by_type;
  for (const traceql::TagValue& value : values.values) {
    by_type[TagTypeName(value.type)].push_back(value.text);
  }
  JsonWriter w;
  w.BeginObject().Key("tagValues").BeginObject();
  for (const auto& [type, texts] : by_type) {
    w.Key(type);
    lib::WriteTextList(texts, &w);
  }
  w.EndObject();
  return Finish(values.stats, values.truncated, std::move(w));
}

}  // namespace tocsin::api
