#include "cpp/cli/ask.h"

#include <string_view>

#include "cpp/http/client.h"

namespace tocsin::cli {
namespace {

std::string PercentEncode(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
        c == '_' || c == '.' || c == '~') {
      encoded.push_back(c);
    } else {
      encoded.push_back('%');
      encoded.push_back(kDigits[byte >> 4]);
      encoded.push_back(kDigits[byte & 15]);
    }
  }
  return encoded;
}

Result<std::string> Get(const std::string& url) {
  http::ClientRequest request;
  request.url = url;
  TOCSIN_ASSIGN_OR_RETURN(http::Response response, http::Fetch(request));
  if (response.status != 200) {
    return InvalidArgumentError("HTTP " + std::to_string(response.status) + ": " + response.body);
  }
  return std::move(response.body);
}

}  // namespace

Result<std::string> AskTraceQl(const std::string& url, const std::string& query) {
  return Get(url + "/api/search?q=" + PercentEncode(query));
}

Result<std::string> AskPromQl(const std::string& url, const std::string& expr) {
  return Get(url + "/api/v1/query?query=" + PercentEncode(expr));
}

}  // namespace tocsin::cli
