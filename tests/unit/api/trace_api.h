/// The trace queries over spans in memory, and requests to them through a router, for tests.

#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/api/query_gate.h"
#include "cpp/api/tempo_queries.h"
#include "cpp/http/message.h"
#include "cpp/http/router.h"
#include "cpp/lib/json.h"
#include "tests/unit/traceql/fake_view.h"

namespace tocsin::api {

class FakeSource final : public traceql::SpanSource {
 public:
  explicit FakeSource(std::shared_ptr<const traceql::SpanView> view) : view_(std::move(view)) {}
  std::shared_ptr<const traceql::SpanView> View(std::string_view /*tenant*/, uint64_t /*from*/,
                                                uint64_t /*to*/) const override {
    return view_;
  }

 private:
  std::shared_ptr<const traceql::SpanView> view_;
};

/// Each list of spans is a block of its own.
class TraceApi {
 public:
  explicit TraceApi(const std::vector<std::vector<traceql::TestSpan>>& blocks,
                    TempoOptions options = {})
      : source_(std::make_shared<traceql::FakeView>(blocks, true)),
        gate_(1, 0),
        queries_(source_, gate_, std::move(options)) {}

  const TempoQueries& queries() const { return queries_; }
  http::Router* router() { return &router_; }

  /// What a search for a query finds, in everything.
  Result<traceql::SearchResult> Search(std::string traceql) const {
    SearchQuery query;
    query.traceql = std::move(traceql);
    return queries_.Search(query, [] { return Status(); });
  }

  /// `target`: a path and perhaps a query string. A streamed body is in `body`, whole; one that
  /// breaks off ends in "<broken>".
  http::Response Get(std::string_view target) const {
    http::Request request;
    request.method = "GET";
    const size_t mark = std::min(target.find('?'), target.size());
    request.path = target.substr(0, mark);
    if (mark < target.size()) request.query = http::ParseQuery(target.substr(mark + 1));
    http::Response response = router_.Route(std::move(request));
    if (response.stream) {
      const bool whole = response.stream([&](std::string_view piece) {
        response.body.append(piece);
        return true;
      });
      if (!whole) response.body.append("<broken>");
    }
    return response;
  }

 private:
  FakeSource source_;
  QueryGate gate_;
  TempoQueries queries_;
  http::Router router_;
};

}  // namespace tocsin::api
