/// Reading the parameters of requests. Every refusal is kInvalidArgument and names the parameter.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/http/message.h"
#include "cpp/model/labels.h"

namespace tocsin::api {

/// The parameters of a request: its query string and, for a form body, that body. A name in both is
/// taken from the query string.
class Params {
 public:
  explicit Params(const http::Request& request);

  /// nullopt if the parameter is missing or empty.
  std::optional<std::string_view> Text(std::string_view name) const;
  /// Every value of that name, empty ones too, those of the query string first.
  std::vector<std::string_view> All(std::string_view name) const;
  /// A decimal integer in [least, most].
  Result<int64_t> Int(std::string_view name, int64_t otherwise, int64_t least, int64_t most) const;
  /// A Go or Prometheus duration, in nanoseconds.
  Result<Nanos> Duration(std::string_view name, Nanos otherwise) const;

  /// A pair of Unix seconds as Tempo takes them: both or neither, end after start.
  struct SecondsRange {
    uint64_t start = 0;         ///< Nanoseconds.
    uint64_t end = UINT64_MAX;  ///< Nanoseconds.
  };
  Result<SecondsRange> Seconds() const;

  /// A point in time as Prometheus takes it: Unix seconds with a fraction, or RFC 3339.
  Result<Millis> Time(std::string_view name, std::optional<Millis> otherwise) const;
  /// A step as Prometheus takes it: seconds with a fraction, or a duration; above 0.
  Result<Millis> Step(std::string_view name) const;

 private:
  const http::Request& request_;
  std::vector<std::pair<std::string, std::string>> form_;
};

}  // namespace tocsin::api
