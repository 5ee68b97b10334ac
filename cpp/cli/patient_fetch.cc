#include "cpp/cli/patient_fetch.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "cpp/base/clock.h"

namespace tocsin::cli {
namespace {

constexpr Nanos kFirstPause = 200 * kMillisecond;
constexpr Nanos kLongestPause = 10 * kSecond;
constexpr Nanos kPatience = kMinute;

bool IsPassing(int status) {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

bool IsPassing(StatusCode code) {
  return code == StatusCode::kUnavailable || code == StatusCode::kDeadlineExceeded;
}

Status ErrorOf(const http::ClientRequest& request, const http::Response& response) {
  // A google.rpc.Status in protobuf is not for the eye; its text is.
  std::string reason;
  for (const char c : response.body.substr(0, 1000)) {
    if (c == '\n' && !reason.empty()) break;
    if (static_cast<uint8_t>(c) >= 0x20) reason += c;
  }
  const std::string message =
      request.url + " answered " + std::to_string(response.status) + ": " + reason;
  return response.status < 500 ? Status(InvalidArgumentError(message))
                               : Status(UnavailableError(message));
}

// Of Retry-After in seconds, or `otherwise`.
Nanos PauseOf(const http::Response& response, Nanos otherwise) {
  const std::string_view text = response.Header("retry-after");
  int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || seconds < 0) return otherwise;
  return std::clamp(seconds * kSecond, otherwise, kLongestPause);
}

}  // namespace

Result<http::Response> PatientFetch(const http::ClientRequest& request) {
  Nanos waited = 0;
  Nanos pause = kFirstPause;
  while (true) {
    Result<http::Response> response = http::Fetch(request);
    if (response.has_value() && response->status == 200) return response;
    const bool passing =
        response.has_value() ? IsPassing(response->status) : IsPassing(response.error().code());
    if (!passing || waited >= kPatience) {
      if (!response.has_value()) return response;
      return Failure(ErrorOf(request, *response));
    }
    if (waited == 0) {
      std::fprintf(stderr, "tocsin: %s; trying again for a minute\n",
                   std::string(response.has_value() ? ErrorOf(request, *response).message()
                                                    : response.error().message())
                       .c_str());
    }
    const Nanos now = response.has_value() ? PauseOf(*response, pause) : pause;
    std::this_thread::sleep_for(std::chrono::nanoseconds(now));
    waited += now;
    pause = std::min(pause * 2, kLongestPause);
  }
}

}  // namespace tocsin::cli
