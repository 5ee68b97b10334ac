#include "cpp/api/remote_read.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cpp/api/errors.h"
#include "cpp/api/interrupt.h"
#include "cpp/base/log.h"
#include "cpp/wire/remote_read.h"

namespace tocsin::api {
namespace {

using promql::Matcher;
using promql::SeriesView;

struct Query {
  std::vector<Matcher> matchers;
  Millis from = 0;
  Millis to = 0;
};

// The labels of a series and those that every series has.
class MergedLabels {
 public:
  explicit MergedLabels(const Labels& external) : external_(external) {}

  std::span<const wire::LabelView> Of(const SeriesView& series) {
    labels_.clear();
    auto next = external_.begin();
    for (const promql::LabelView& label : series.labels) {
      for (; next != external_.end() && next->first < label.name; ++next) Add(*next);
      if (next != external_.end() && next->first == label.name) ++next;
      labels_.push_back({label.name, label.value});
    }
    for (; next != external_.end(); ++next) Add(*next);
    return labels_;
  }

 private:
  void Add(const Labels::Pair& label) { labels_.push_back({label.first, label.second}); }

  const Labels& external_;
  std::vector<wire::LabelView> labels_;
};

class RemoteReadApi {
 public:
  explicit RemoteReadApi(RemoteReadBackend backend) : backend_(std::move(backend)) {}

  http::Response Read(const http::Request& request) const {
    const auto decoded = wire::DecodeReadRequest(request.body, backend_.max_request_bytes);
    if (!decoded.has_value()) {
      const bool large = decoded.error().code() == StatusCode::kResourceExhausted;
      return http::Response::Text(large ? 413 : 400, decoded.error().message());
    }
    Result<std::vector<Query>> queries = QueriesOf(*decoded);
    if (!queries.has_value()) return TextError(queries.error());
    const auto interrupted = InterruptWhen([&request] { return request.Cancelled(); }, 0);
    Result<QueryGate::Pass> pass = backend_.gate->Enter(interrupted);
    if (!pass.has_value()) return TextError(pass.error());
    if (decoded->response == wire::ReadResponseType::kStreamedChunks) {
      return Stream(*std::move(queries), *std::move(pass));
    }
    Result<std::string> answer = Samples(*queries, interrupted);
    if (!answer.has_value()) return TextError(answer.error());
    http::Response response{.status = 200, .headers = {}, .body = *std::move(answer)};
    response.Set("Content-Type", "application/x-protobuf");
    response.Set("Content-Encoding", "snappy");
    return response;
  }

 private:
  Result<std::vector<Query>> QueriesOf(const wire::ReadRequest& request) const {
    std::vector<Query> queries;
    for (const wire::ReadQuery& read : request.queries) {
      Query& query = queries.emplace_back();
      query.from = read.from;
      query.to = read.to;
      for (const wire::ReadMatcher& matcher : read.matchers) {
        // What every series has is stored with none.
        const bool external = matcher.match == wire::ReadMatch::kEqual &&
                              backend_.external_labels.Has(matcher.name) &&
                              backend_.external_labels.Get(matcher.name) == matcher.value;
        TOCSIN_ASSIGN_OR_RETURN(Matcher made, Matcher::Make(OpOf(matcher.match), matcher.name,
                                                            external ? "" : matcher.value));
        query.matchers.push_back(std::move(made));
      }
    }
    return queries;
  }

  static Matcher::Op OpOf(wire::ReadMatch match) {
    switch (match) {
      case wire::ReadMatch::kEqual:
        return Matcher::Op::kEqual;
      case wire::ReadMatch::kNotEqual:
        return Matcher::Op::kNotEqual;
      case wire::ReadMatch::kRegex:
        return Matcher::Op::kRegex;
      case wire::ReadMatch::kNotRegex:
        return Matcher::Op::kNotRegex;
    }
    return Matcher::Op::kEqual;
  }

  static promql::SeriesRequest RequestOf(const Query& query) {
    promql::SeriesRequest request;
    request.matchers = query.matchers;
    request.from = query.from;
    request.to = query.to;
    return request;
  }

  Result<std::string> Samples(const std::vector<Query>& queries,
                              const std::function<Status()>& interrupted) const {
    wire::ReadResponseWriter writer;
    MergedLabels labels(backend_.external_labels);
    size_t samples = 0;
    for (const Query& query : queries) {
      writer.BeginResult();
      const auto add = [&](const SeriesView& series) -> Status {
        samples += series.samples.size() + series.histograms.size();
        if (samples > backend_.max_samples) {
          return InvalidArgumentError("more than " + std::to_string(backend_.max_samples) +
                                      " samples; ask for less, or for STREAMED_XOR_CHUNKS");
        }
        writer.Add({labels.Of(series), series.samples, series.histograms});
        return interrupted();
      };
      TOCSIN_RETURN_IF_ERROR(backend_.series->Scan(RequestOf(query), add));
      writer.EndResult();
    }
    return writer.Finish();
  }

  http::Response Stream(std::vector<Query> queries, QueryGate::Pass pass) const {
    http::Response response;
    response.Set("Content-Type",
                 "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse");
    const auto kept = std::make_shared<const QueryGate::Pass>(std::move(pass));
    response.stream = [this, kept, queries = std::move(queries)](const http::BodyWriter& write) {
      return std::ranges::all_of(queries, [&, i = size_t{0}](const Query& query) mutable {
        return StreamOne(query, i++, write);
      });
    };
    return response;
  }

  bool StreamOne(const Query& query, size_t number, const http::BodyWriter& write) const {
    const wire::ChunkedReadWriter writer;
    MergedLabels labels(backend_.external_labels);
    std::string frames;
    const auto add = [&](const SeriesView& series) -> Status {
      frames.clear();
      writer.Add({labels.Of(series), series.samples, series.histograms}, number, &frames);
      if (!write(frames)) return CancelledError("the reader has gone");
      return {};
    };
    const Status status = backend_.series->Scan(RequestOf(query), add);
    if (!status.ok() && status.code() != StatusCode::kCancelled) {
      log::Warn("remote read broke off", {{"error", status.ToString()}});
    }
    return status.ok();
  }

  const RemoteReadBackend backend_;
};

}  // namespace

void RegisterRemoteRead(RemoteReadBackend backend, http::Router* router) {
  const auto api = std::make_shared<const RemoteReadApi>(std::move(backend));
  router->Handle("POST", "/api/v1/read",
                 [api](const http::Request& request) { return api->Read(request); });
}

}  // namespace tocsin::api
