#include "cpp/rpc/call.h"

#include "cpp/base/check.h"

namespace tocsin::rpc {

std::string_view Call::Metadata(std::string_view lower_case_name) const {
  for (const auto& [name, value] : metadata) {
    if (name == lower_case_name) return value;
  }
  return {};
}

int GrpcCode(StatusCode code) {
  switch (code) {
    case StatusCode::kOk:
      return 0;
    case StatusCode::kCancelled:
      return 1;
    case StatusCode::kInvalidArgument:
      return 3;
    case StatusCode::kDeadlineExceeded:
      return 4;
    case StatusCode::kNotFound:
      return 5;
    case StatusCode::kAlreadyExists:
      return 6;
    case StatusCode::kResourceExhausted:
      return 8;
    case StatusCode::kFailedPrecondition:
      return 9;
    case StatusCode::kUnsupported:
      return 12;
    case StatusCode::kInternal:
      return 13;
    case StatusCode::kUnavailable:
      return 14;
    case StatusCode::kCorruption:
      return 15;
    case StatusCode::kUnauthenticated:
      return 16;
  }
  TOCSIN_CHECK(false);  // No default above, so that -Wswitch names the case that someone forgot.
}

}  // namespace tocsin::rpc
