// The only file that includes Beast.

#include "cpp/http/request_parser.h"

#include <algorithm>
#include <string>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

namespace tocsin::http {
namespace {

namespace beast = boost::beast;
using boost::system::error_code;

std::string_view View(beast::string_view text) { return {text.data(), text.size()}; }

}  // namespace

class RequestParser::Impl final : public beast::http::basic_parser<true> {
 public:
  Impl(Request* request, RequestLimits limits)
      : request_(request), max_body_bytes_(limits.max_body_bytes) {
    header_limit(static_cast<uint32_t>(limits.max_header_bytes));
    body_limit(limits.max_body_bytes);
  }

  Progress Parse(std::string_view* input);

  bool http_1_0() const { return version_ == 10; }
  int error_status() const { return error_status_; }
  std::string_view error() const { return error_; }

 private:
  Progress Fail(int status, std::string_view text) {
    error_status_ = status;
    error_ = text;
    return Progress::kFailed;
  }
  Progress Fail(const error_code& ec);

  void on_request_impl(beast::http::verb, beast::string_view method, beast::string_view target,
                       int version, error_code&) override {
    version_ = version;
    request_->method = View(method);
    std::string_view path = View(target);
    if (const size_t scheme = path.find("://"); !path.starts_with('/') && scheme < path.size()) {
      path.remove_prefix(std::min(path.find('/', scheme + 3), path.size()));  // Absolute form.
    }
    const size_t question = std::min(path.find('?'), path.size());
    request_->path = path.substr(0, question);
    if (request_->path.empty()) request_->path = "/";
    request_->query = ParseQuery(path.substr(std::min(question + 1, path.size())));
  }
  void on_field_impl(beast::http::field, beast::string_view name, beast::string_view value,
                     error_code&) override {
    std::string lower(View(name));
    std::ranges::transform(lower, lower.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    request_->headers.emplace_back(std::move(lower), View(value));
  }
  // The rest is never called: the parse stops at the end of the head.
  size_t on_chunk_body_impl(uint64_t, beast::string_view body, error_code&) override {
    return body.size();
  }
  size_t on_body_impl(beast::string_view body, error_code&) override { return body.size(); }
  void on_response_impl(int, beast::string_view, int, error_code&) override {}
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<uint64_t>&, error_code&) override {}
  void on_chunk_header_impl(uint64_t, beast::string_view, error_code&) override {}
  void on_finish_impl(error_code&) override {}

  Request* const request_;
  const size_t max_body_bytes_;
  int version_ = 11;
  int error_status_ = 0;
  std::string error_;
};

RequestParser::Progress RequestParser::Impl::Parse(std::string_view* input) {
  while (!input->empty()) {
    error_code ec;
    const size_t used = put(boost::asio::const_buffer(input->data(), input->size()), ec);
    input->remove_prefix(used);
    if (ec == beast::http::error::need_more) return Progress::kNeedsMore;
    if (ec) return Fail(ec);
    if (!is_header_done()) continue;
    const std::string_view coding = request_->Header("transfer-encoding");
    if (!coding.empty() && !chunked()) {
      return Fail(501, "Transfer-Encoding \"" + std::string(coding) + "\" is not supported");
    }
    return Progress::kDone;
  }
  return Progress::kNeedsMore;
}

RequestParser::Progress RequestParser::Impl::Fail(const error_code& ec) {
  namespace http = beast::http;
  if (ec == http::error::header_limit) return Fail(431, "the headers are too large");
  if (ec == http::error::body_limit) {
    return Fail(413, "the body is larger than " + std::to_string(max_body_bytes_) + " bytes");
  }
  if (ec == http::error::bad_version) return Fail(505, "this port speaks HTTP/1.1");
  return Fail(400, "malformed request: " + ec.message());
}

RequestParser::RequestParser(Request* request, RequestLimits limits)
    : impl_(std::make_unique<Impl>(request, limits)) {}
RequestParser::~RequestParser() = default;

RequestParser::Progress RequestParser::Parse(std::string_view* input) {
  return impl_->Parse(input);
}
int RequestParser::error_status() const { return impl_->error_status(); }
std::string_view RequestParser::error() const { return impl_->error(); }
std::optional<size_t> RequestParser::body_length() const {
  if (impl_->chunked()) return std::nullopt;
  return static_cast<size_t>(impl_->content_length().value_or(0));
}
bool RequestParser::keep_alive() const { return impl_->keep_alive(); }
bool RequestParser::http_1_0() const { return impl_->http_1_0(); }

}  // namespace tocsin::http
