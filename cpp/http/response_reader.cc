#include "cpp/http/response_reader.h"

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

namespace tocsin::http {
namespace {

constexpr size_t kMaxHeadBytes = 64 << 10;

// Does a comma-separated header name that option?
bool HasOption(std::string_view header, std::string_view option) {
  while (!header.empty()) {
    const size_t comma = std::min(header.find(','), header.size());
    std::string_view one = header.substr(0, comma);
    while (one.starts_with(' ') || one.starts_with('\t')) one.remove_prefix(1);
    while (one.ends_with(' ') || one.ends_with('\t')) one.remove_suffix(1);
    if (SameName(one, option)) return true;
    header.remove_prefix(std::min(comma + 1, header.size()));
  }
  return false;
}

}  // namespace

Result<Response> ResponseReader::Read(std::string_view method) {
  TOCSIN_ASSIGN_OR_RETURN(const ResponseHead head, ReadHead());
  response_.status = head.status;
  response_.headers = head.headers;
  const std::string_view connection = response_.Header("connection");
  reusable_ = head.http_1_0 ? HasOption(connection, "keep-alive") : !HasOption(connection, "close");
  const bool no_body = method == "HEAD" || head.status == 204 || head.status == 304;
  if (!no_body) TOCSIN_RETURN_IF_ERROR(ReadBody());
  // What came without being asked for would be taken for the next answer.
  reusable_ = reusable_ && buffer_.empty();
  return std::move(response_);
}

Result<Response> ResponseReader::ReadHeadOnly() {
  TOCSIN_ASSIGN_OR_RETURN(ResponseHead head, ReadHead());
  const bool good = head.status / 100 == 2;
  if (good && !buffer_.empty()) return NotHttp("it goes on after the head");
  response_.status = head.status;
  response_.headers = std::move(head.headers);
  return std::move(response_);
}

Result<bool> ResponseReader::More() {
  const size_t before = buffer_.size();
  Result<bool> more = stream_->Read(&buffer_, *patience_);
  started_ = started_ || buffer_.size() > before;
  return more;
}

// The first head that is not 1xx.
Result<ResponseHead> ResponseReader::ReadHead() {
  while (true) {
    size_t end = buffer_.find("\r\n\r\n");
    size_t gap = 4;
    if (end == std::string::npos) {
      end = buffer_.find("\n\n");
      gap = 2;
    }
    if (end == std::string::npos) {
      if (buffer_.size() > kMaxHeadBytes) return NotHttp("its head is too long");
      TOCSIN_ASSIGN_OR_RETURN(const bool more, More());
      if (!more) return CutShort();
      continue;
    }
    Result<ResponseHead> head = ParseResponseHead(std::string_view(buffer_).substr(0, end));
    if (!head.has_value()) return NotHttp(head.error().message());
    buffer_.erase(0, end + gap);
    if (head->status >= 200) return head;
  }
}

Status ResponseReader::ReadBody() {
  const std::string_view coding = response_.Header("transfer-encoding");
  if (coding == "chunked") return ReadChunked();
  if (!coding.empty()) return NotHttp("transfer coding \"" + std::string(coding) + "\"");
  const std::string_view length = response_.Header("content-length");
  if (length.empty()) return ReadToEnd();
  uint64_t size = 0;
  const auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), size);
  if (error != std::errc() || end != length.data() + length.size()) {
    return NotHttp("Content-Length \"" + std::string(length) + "\"");
  }
  if (size > max_body_) return TooLarge();
  while (buffer_.size() < size) {
    TOCSIN_ASSIGN_OR_RETURN(const bool more, More());
    if (!more) return CutShort();
  }
  response_.body = buffer_.substr(0, size);
  buffer_.erase(0, size);
  return {};
}

Status ResponseReader::ReadToEnd() {
  reusable_ = false;
  while (true) {
    if (buffer_.size() > max_body_) return TooLarge();
    TOCSIN_ASSIGN_OR_RETURN(const bool more, More());
    if (!more) break;
  }
  response_.body = std::exchange(buffer_, {});
  return {};
}

Status ResponseReader::ReadChunked() {
  ChunkedDecoder decoder;
  while (true) {
    std::string_view input = buffer_;
    const Status decoded = decoder.Decode(&input, &response_.body);
    if (!decoded.ok()) return NotHttp(decoded.message());
    if (response_.body.size() > max_body_) return TooLarge();
    buffer_.erase(0, buffer_.size() - input.size());
    if (decoder.done()) return {};
    TOCSIN_ASSIGN_OR_RETURN(const bool more, More());
    if (!more) return CutShort();
  }
}

Failure ResponseReader::NotHttp(std::string_view what) const {
  return CorruptionError(patience_->url() + " does not speak HTTP/1.1: " + std::string(what));
}

Failure ResponseReader::CutShort() const {
  return UnavailableError(patience_->url() +
                          ": the connection broke before the response was whole");
}

Failure ResponseReader::TooLarge() const {
  return ResourceExhaustedError(patience_->url() + ": the response is larger than " +
                                std::to_string(max_body_) + " bytes");
}

}  // namespace tocsin::http
