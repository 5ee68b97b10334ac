/// Names and values of tags as JSON, in the two versions of Tempo's API.

#pragma once

#include <string>
#include <vector>

#include "cpp/api/tempo_queries.h"
#include "cpp/traceql/tags.h"

namespace tocsin::api {

/// The names of one scope, as the answers list them: attributes in the order span, resource,
/// intrinsic, event, link, instrumentation. Scopes without names are left out.
struct NamedScope {
  std::string_view name;
  std::vector<std::string> tags;
};
std::vector<NamedScope> ScopesOf(const TagsAnswer& answer);

/// The names of all scopes that were asked for, sorted, each once. Version 1 knows spans and
/// resources unless a scope was named.
std::vector<std::string> NamesOf(const TagsAnswer& answer);

// `"truncated":true` stands in answers that are not complete.

/// `{"tagNames":[...],"metrics":{...}}`
std::string TagNamesJson(const TagsAnswer& answer);
/// `{"scopes":[{"name":"span","tags":[...]}],"metrics":{...}}`
std::string TagScopesJson(const TagsAnswer& answer);
/// `{"tagValues":["a","b"],"metrics":{...}}`; equal texts of different types stand once.
std::string TagValuesJson(const traceql::TagValues& values);
/// `{"tagValues":[{"type":"string","value":"a"}],"metrics":{...}}`
std::string TypedTagValuesJson(const traceql::TagValues& values);
/// `{"tagValues":{"string":["a"]},"metrics":{...}}`, for language models.
std::string CompactTagValuesJson(const traceql::TagValues& values);

/// The texts of the values, sorted, each once.
std::vector<std::string> TextsOf(const traceql::TagValues& values);

}  // namespace tocsin::api
