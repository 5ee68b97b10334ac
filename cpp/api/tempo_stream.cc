#include "cpp/api/tempo_stream.h"

#include <chrono>
#include <iterator>
#include <memory>
#include <string_view>

#include "cpp/api/metrics_proto.h"
#include "cpp/api/proto_fields.h"
#include "cpp/api/tempo_proto.h"

namespace tocsin::api {
namespace {

constexpr std::chrono::milliseconds kBetweenProgress{100};

using Ended = std::expected<void, rpc::CallError>;

Ended Fail(const Status& status) {
  return std::unexpected(rpc::CallError{.status = status, .details = {}});
}

Ended End(bool sent) { return sent ? Ended() : Fail(CancelledError("context canceled")); }

// A QueryRangeRequest, or a QueryInstantRequest, whose fields are the first of the other's.
Result<MetricsRequest> DecodeMetrics(std::string_view message, bool instant) {
  MetricsRequest request;
  request.instant = instant;
  const bool whole =
      ForEachField(message, [&](uint32_t field, uint64_t number, std::string_view bytes) {
        if (field == 1) request.query = bytes;
        if (field == 2) request.start = number;
        if (field == 3) request.end = number;
        if (field == 4) request.step = number;
        if (field == 16) request.exemplars = static_cast<uint32_t>(number);
        if (field == 17) request.max_series = static_cast<uint32_t>(number);
      });
  if (!whole) return InvalidArgumentError("the message is no request for metrics");
  return request;
}

class Streams {
 public:
  explicit Streams(StreamBackend backend) : backend_(std::move(backend)) {}

  Ended Search(const rpc::Call& call, const rpc::SendMessage& send) const {
    const Result<SearchQuery> query = DecodeSearchRequest(call.body);
    if (!query) return Fail(query.error());
    auto next = std::chrono::steady_clock::now();
    const auto tell = [&](const traceql::SearchStats& stats) {
      const auto now = std::chrono::steady_clock::now();
      if (now < next) return;
      next = now + kBetweenProgress;
      send(EncodeSearchProgress(stats));
    };
    const auto result = backend_.queries->Search(*query, InterruptedBy(call), tell);
    if (!result) return Fail(result.error());
    return End(SendSearchResponse(*result, send));
  }

  using SendTags = bool (*)(const TagsAnswer&, const SendMessage&);
  Ended Tags(const rpc::Call& call, const rpc::SendMessage& send, SendTags how) const {
    const Result<TagsQuery> query = DecodeSearchTagsRequest(call.body);
    if (!query) return Fail(query.error());
    const auto answer = backend_.queries->TagNames(*query, InterruptedBy(call));
    if (!answer) return Fail(answer.error());
    return End(how(*answer, send));
  }

  using SendValues = bool (*)(const traceql::TagValues&, const SendMessage&);
  Ended Values(const rpc::Call& call, const rpc::SendMessage& send, SendValues how) const {
    const Result<TagValuesQuery> query = DecodeSearchTagValuesRequest(call.body);
    if (!query) return Fail(query.error());
    const auto values = backend_.queries->TagValues(*query, InterruptedBy(call));
    if (!values) return Fail(values.error());
    return End(how(*values, send));
  }

  Ended Metrics(const rpc::Call& call, const rpc::SendMessage& send, bool instant) const {
    const Result<MetricsRequest> request = DecodeMetrics(call.body, instant);
    if (!request) return Fail(request.error());
    Result<traceql::MetricsResult> result = backend_.metrics(*request, InterruptedBy(call));
    if (!result) return Fail(result.error());
    return End(SendSeries(*std::move(result), instant, send));
  }

 private:
  std::function<Status()> InterruptedBy(const rpc::Call& call) const {
    return backend_.queries->InterruptedWhen([&call] { return call.Cancelled(); });
  }

  // Series by series, as many in a message as fit.
  static bool SendSeries(traceql::MetricsResult result, bool instant,
                         const rpc::SendMessage& send) {
    const auto encode = [&](const traceql::MetricsResult& part) {
      return instant ? EncodeQueryInstantResponse(part) : EncodeQueryRangeResponse(part);
    };
    std::string whole = encode(result);
    if (whole.size() <= kMaxMessageBytes || result.series.size() < 2) {
      return send(std::move(whole));
    }
    // Halves of what is too large are at most a message each in the end.
    const auto middle = result.series.begin() + static_cast<ptrdiff_t>(result.series.size() / 2);
    traceql::MetricsResult second = result;
    second.series.assign(std::make_move_iterator(middle),
                         std::make_move_iterator(result.series.end()));
    result.series.erase(middle, result.series.end());
    return SendSeries(std::move(result), instant, send) &&
           SendSeries(std::move(second), instant, send);
  }

  const StreamBackend backend_;
};

}  // namespace

std::vector<std::pair<std::string, rpc::StreamHandler>> TempoStreams(StreamBackend backend) {
  const auto streams = std::make_shared<const Streams>(std::move(backend));
  std::vector<std::pair<std::string, rpc::StreamHandler>> methods;
  const auto add = [&](const char* name, auto handle) {
    methods.emplace_back(std::string("/tempopb.StreamingQuerier/") + name,
                         [streams, handle](const rpc::Call& call, const rpc::SendMessage& send) {
                           return handle(*streams, call, send);
                         });
  };
  using Call = rpc::Call;
  using Send = rpc::SendMessage;
  add("Search",
      [](const Streams& on, const Call& call, const Send& send) { return on.Search(call, send); });
  add("SearchTags", [](const Streams& on, const Call& call, const Send& send) {
    return on.Tags(call, send, SendSearchTagsResponse);
  });
  add("SearchTagsV2", [](const Streams& on, const Call& call, const Send& send) {
    return on.Tags(call, send, SendSearchTagsV2Response);
  });
  add("SearchTagValues", [](const Streams& on, const Call& call, const Send& send) {
    return on.Values(call, send, SendSearchTagValuesResponse);
  });
  add("SearchTagValuesV2", [](const Streams& on, const Call& call, const Send& send) {
    return on.Values(call, send, SendSearchTagValuesV2Response);
  });
  add("MetricsQueryRange", [](const Streams& on, const Call& call, const Send& send) {
    return on.Metrics(call, send, false);
  });
  add("MetricsQueryInstant", [](const Streams& on, const Call& call, const Send& send) {
    return on.Metrics(call, send, true);
  });
  return methods;
}

}  // namespace tocsin::api
