/// Searches in a view, for tests that expect them to succeed.

#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/traceql/parser.h"
#include "cpp/traceql/search.h"
#include "tests/unit/traceql/fake_view.h"

namespace tocsin::traceql {

inline SearchResult MustSearch(const SpanView& view, std::string_view text,
                               const SearchOptions& options = {}) {
  const Result<Query> query = Parse(text);
  EXPECT_TRUE(query.has_value()) << text << ": " << query.error().ToString();
  if (!query.has_value()) return {};
  Result<SearchResult> result = Search(view, *query, options);
  EXPECT_TRUE(result.has_value()) << text << ": " << result.error().ToString();
  return result.has_value() ? *std::move(result) : SearchResult{};
}

/// The ids of all spans found, ascending, as text: "1 2 5".
inline std::string SpansFound(const SpanView& view, std::string_view text) {
  SearchOptions options;
  options.limit = 1'000;
  options.spans_per_spanset = 0;
  std::vector<SpanId> ids;
  for (const SearchTrace& trace : MustSearch(view, text, options).traces) {
    size_t shown = 0;
    for (const SearchSpanset& spanset : trace.spansets) {
      for (const SearchSpan& span : spanset.spans) ids.push_back(span.id);
      EXPECT_EQ(spanset.matched, spanset.spans.size());
      shown += spanset.spans.size();
    }
    EXPECT_EQ(trace.matched, shown);
  }
  std::sort(ids.begin(), ids.end());
  std::string out;
  for (const SpanId id : ids) out.append(out.empty() ? "" : " ").append(std::to_string(id));
  return out;
}

}  // namespace tocsin::traceql
