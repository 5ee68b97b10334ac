#include "cpp/cli/ask.h"

#include <utility>

#include "cpp/base/url.h"
#include "cpp/http/client.h"

namespace tocsin::cli {
namespace {

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
  return Get(url + "/api/search?q=" + EscapeQuery(query));
}

}  // namespace tocsin::cli
