// The request parser takes anything, and says the same however the bytes arrive.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "cpp/base/check.h"
#include "cpp/http/request_parser.h"

namespace tocsin::http {
namespace {

struct Outcome {
  RequestParser::Progress progress = RequestParser::Progress::kNeedsMore;
  Request request;
};

/// Offers the input in steps of `step` bytes.
void Run(std::string_view input, size_t step, Outcome* outcome) {
  RequestParser parser(&outcome->request, {.max_header_bytes = 4096, .max_body_bytes = 4096},
                       [](size_t) { return true; });
  for (size_t end = step, begin = 0; begin < input.size(); end += step) {
    std::string_view offered = input.substr(0, end).substr(begin);
    const size_t before = offered.size();
    outcome->progress = parser.Parse(&offered);
    begin += before - offered.size();
    if (outcome->progress == RequestParser::Progress::kHead) {
      if (!parser.chunked()) return;
      end = begin;  // The same bytes again, for the body.
    }
    if (outcome->progress == RequestParser::Progress::kDone ||
        outcome->progress == RequestParser::Progress::kFailed) {
      return;
    }
    if (end >= input.size() + step) return;
  }
}

}  // namespace
}  // namespace tocsin::http

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using tocsin::http::Outcome;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  Outcome whole;
  Outcome single;
  tocsin::http::Run(input, size + 1, &whole);
  tocsin::http::Run(input, 1, &single);
  TOCSIN_CHECK(whole.progress == single.progress);
  if (whole.progress != tocsin::http::RequestParser::Progress::kFailed) {
    TOCSIN_CHECK(whole.request.method == single.request.method);
    TOCSIN_CHECK(whole.request.path == single.request.path);
    TOCSIN_CHECK(whole.request.headers == single.request.headers);
    TOCSIN_CHECK(whole.request.body == single.request.body);
  }
  return 0;
}
