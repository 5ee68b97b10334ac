#include "cpp/http/content.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "cpp/lib/compression.h"

namespace tocsin::http {
namespace {

/// Lower case, without the spaces around it.
std::string Token(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  text = text.substr(first, text.find_last_not_of(" \t") - first + 1);
  std::string token(text);
  std::ranges::transform(token, token.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return token;
}

}  // namespace

Result<std::string_view> DecodedBody(const Request& request, size_t max_bytes,
                                     std::string* decoded) {
  const std::string coding = Token(request.Header("content-encoding"));
  if (coding == "gzip" || coding == "x-gzip") {
    Result<std::string> plain = lib::Gunzip(request.body, max_bytes);
    if (plain.has_value()) {
      *decoded = *std::move(plain);
      return *decoded;
    }
    const Status& error = plain.error();
    if (error.code() != StatusCode::kCorruption) return Failure(error);
    return InvalidArgumentError("the body is not gzip, as Content-Encoding says: " +
                                std::string(error.message()));
  }
  if (!coding.empty() && coding != "identity") {
    return UnsupportedError("Content-Encoding \"" + coding + "\" is not supported; gzip is");
  }
  if (request.body.size() > max_bytes) {
    return ResourceExhaustedError("the body has " + std::to_string(request.body.size()) +
                                  " bytes; the limit is " + std::to_string(max_bytes));
  }
  return request.body;
}

std::string MediaType(std::string_view content_type) {
  return Token(content_type.substr(0, content_type.find(';')));
}

}  // namespace tocsin::http
