// The parsers of head and chunks take anything, and read the same however the bytes arrive.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "cpp/base/check.h"
#include "cpp/http/head.h"
#include "cpp/http/request_parser.h"

namespace tocsin::http {
namespace {

struct Outcome {
  RequestParser::Progress progress = RequestParser::Progress::kNeedsMore;
  Request request;
  std::string body;
  bool framing = true;
};

/// Offers the input in steps of `step` bytes.
void Run(std::string_view input, size_t step, Outcome* outcome) {
  RequestParser parser(&outcome->request, {.max_header_bytes = 4096, .max_body_bytes = 4096});
  std::string_view rest = input;
  for (size_t end = step; outcome->progress == RequestParser::Progress::kNeedsMore; end += step) {
    std::string_view offered = input.substr(0, end).substr(input.size() - rest.size());
    const size_t before = offered.size();
    outcome->progress = parser.Parse(&offered);
    rest.remove_prefix(before - offered.size());
    if (end >= input.size()) break;
  }
  if (outcome->progress != RequestParser::Progress::kDone) return;
  if (const auto length = parser.body_length()) {
    TOCSIN_CHECK(*length <= 4096);
    outcome->body = rest.substr(0, *length);
    return;
  }
  ChunkedDecoder chunks;
  while (!rest.empty() && !chunks.done() && outcome->framing) {
    std::string_view offered = rest.substr(0, step);
    const size_t before = offered.size();
    outcome->framing = chunks.Decode(&offered, &outcome->body).ok();
    rest.remove_prefix(before - offered.size());
  }
}

}  // namespace
}  // namespace tocsin::http

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using tocsin::http::Outcome;
  using tocsin::http::RequestParser;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  Outcome whole;
  Outcome single;
  tocsin::http::Run(input, size + 1, &whole);
  tocsin::http::Run(input, 1, &single);
  // How soon it sees that something is wrong may differ; what it makes of a request may not.
  const bool done = whole.progress == RequestParser::Progress::kDone;
  TOCSIN_CHECK(done == (single.progress == RequestParser::Progress::kDone));
  if (done) {
    TOCSIN_CHECK(whole.request.method == single.request.method);
    TOCSIN_CHECK(whole.request.path == single.request.path);
    TOCSIN_CHECK(whole.request.headers == single.request.headers);
    TOCSIN_CHECK(whole.framing == single.framing);
    TOCSIN_CHECK(!whole.framing || whole.body == single.body);
  }
  return 0;
}
