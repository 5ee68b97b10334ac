#include "cpp/api/errors.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "cpp/base/utf8.h"

namespace tocsin::api {

int HttpStatusOf(StatusCode code) {
  switch (code) {
    case StatusCode::kOk:
      return 200;
    case StatusCode::kInvalidArgument:
      return 400;
    case StatusCode::kUnauthenticated:
      return 401;
    case StatusCode::kNotFound:
      return 404;
    case StatusCode::kAlreadyExists:
      return 409;
    case StatusCode::kFailedPrecondition:
      return 412;
    case StatusCode::kUnsupported:
      return 415;
    case StatusCode::kResourceExhausted:
      return 429;
    case StatusCode::kCancelled:
      return 499;
    case StatusCode::kUnavailable:
      return 503;
    case StatusCode::kDeadlineExceeded:
      return 504;
    case StatusCode::kCorruption:
    case StatusCode::kInternal:
      return 500;
  }
  return 500;
}

namespace {

// Messages repeat what the client sent, and say that they are UTF-8.
std::string ValidUtf8(std::string_view text) {
  std::string valid;
  while (!text.empty()) {
    uint32_t rune = 0;
    const size_t length = DecodeRune(text, &rune);
    AppendRune(&valid, length == 0 ? -1 : int64_t{rune});
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return valid;
}

}  // namespace

http::Response TextError(const Status& status) {
  http::Response response =
      http::Response::Text(HttpStatusOf(status.code()), ValidUtf8(status.message()));
  if (response.status == 429 || response.status == 503) response.Set("Retry-After", "1");
  return response;
}

}  // namespace tocsin::api
