#include "cpp/server/otlp_sink.h"

#include <utility>

namespace tocsin::server {
namespace {

// What Tempo tells senders that are over a limit.
constexpr Nanos kRetryAfter = 5 * kSecond;

}  // namespace

receive::ExportOutcome OtlpSink::Export(const receive::ExportRequest& request) {
  receive::ExportOutcome outcome;
  Result<engine::ExportResult> result =
      engine_->Export(request.tenant, request.body, request.encoding);
  if (!result) {
    outcome.status = result.error();
    if (outcome.status.code() == StatusCode::kResourceExhausted) outcome.retry_after = kRetryAfter;
    return outcome;
  }
  outcome.accepted = result->accepted;
  outcome.rejected = result->rejected;
  outcome.message = std::move(result->message);
  return outcome;
}

}  // namespace tocsin::server
