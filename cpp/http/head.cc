#include "cpp/http/head.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <utility>

namespace tocsin::http {
namespace {

constexpr size_t kMaxLine = 16 << 10;
constexpr size_t kMaxTrailers = 64 << 10;

void AppendHeader(std::string* out, std::string_view name, std::string_view value) {
  const auto clean = [](char c) { return c == '\r' || c == '\n' || c == '\0' ? ' ' : c; };
  std::ranges::transform(name, std::back_inserter(*out), clean);
  out->append(": ");
  std::ranges::transform(value, std::back_inserter(*out), clean);
  out->append("\r\n");
}

/// "Sun, 22 Nov 2026 15:44:48 GMT". By hand, because strftime's names of days follow the locale.
std::string HttpDate(Nanos now) {
  static constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed",
                                                       "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const time_t seconds = now / kSecond;
  tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                kDays[static_cast<size_t>(parts.tm_wday)], parts.tm_mday,
                kMonths[static_cast<size_t>(parts.tm_mon)], parts.tm_year + 1900, parts.tm_hour,
                parts.tm_min, parts.tm_sec);
  return text.data();
}

std::string_view Trim(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t') || text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

bool IsTokenChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

Failure NotHttp(std::string_view line) {
  constexpr size_t kShown = 60;
  return CorruptionError("not an HTTP response: \"" + std::string(line.substr(0, kShown)) + "\"");
}

Result<ResponseHead> ParseStatusLine(std::string_view line) {
  ResponseHead head;
  // HTTP/1.1 200 OK; the reason, and the space before it, may be missing.
  if (!line.starts_with("HTTP/1.") || line.size() < 12 || line[8] != ' ') return NotHttp(line);
  if (line[7] != '0' && line[7] != '1') return NotHttp(line);
  head.http_1_0 = line[7] == '0';
  const auto [end, error] = std::from_chars(line.data() + 9, line.data() + 12, head.status);
  if (error != std::errc() || end != line.data() + 12 || head.status < 100) return NotHttp(line);
  if (line.size() > 12 && line[12] != ' ') return NotHttp(line);
  return head;
}

}  // namespace

std::string FormatResponseHead(const Response& response, const ResponseHeadOptions& options) {
  std::string head = "HTTP/1.1 " + std::to_string(response.status) + " ";
  head.append(ReasonPhrase(response.status)).append("\r\n");
  for (const auto& [name, value] : response.headers) AppendHeader(&head, name, value);
  const bool may_have_body =
      response.status >= 200 && response.status != 204 && response.status != 304;
  if (response.stream) {
    if (!options.http_1_0) AppendHeader(&head, "Transfer-Encoding", "chunked");
  } else if (may_have_body && response.Header("content-length").empty()) {
    AppendHeader(&head, "Content-Length", std::to_string(response.body.size()));
  }
  AppendHeader(&head, "Date", HttpDate(options.now));
  if (!options.keep_alive) {
    AppendHeader(&head, "Connection", "close");
  } else if (options.http_1_0) {
    AppendHeader(&head, "Connection", "keep-alive");
  }
  return head.append("\r\n");
}

Result<ResponseHead> ParseResponseHead(std::string_view text) {
  const size_t end = std::min(text.find('\n'), text.size());
  TOCSIN_ASSIGN_OR_RETURN(ResponseHead head, ParseStatusLine(Trim(text.substr(0, end))));
  text.remove_prefix(std::min(end + 1, text.size()));
  while (!text.empty()) {
    const size_t line_end = std::min(text.find('\n'), text.size());
    const std::string_view line = Trim(text.substr(0, line_end));
    text.remove_prefix(std::min(line_end + 1, text.size()));
    if (line.empty()) continue;
    const size_t colon = line.find(':');
    if (colon == 0 || colon == std::string_view::npos ||
        !std::ranges::all_of(line.substr(0, colon), IsTokenChar)) {
      return CorruptionError("not an HTTP header: \"" + std::string(line.substr(0, 60)) + "\"");
    }
    std::string name(line.substr(0, colon));
    std::ranges::transform(name, name.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    head.headers.emplace_back(std::move(name), Trim(line.substr(colon + 1)));
  }
  return head;
}

Result<std::optional<std::string>> ChunkedDecoder::TakeLine(std::string_view* input) {
  const size_t end = input->find('\n');
  line_.append(input->substr(0, end));
  if (line_.size() > kMaxLine) return CorruptionError("a line of the chunked framing is too long");
  if (end == std::string_view::npos) {
    input->remove_prefix(input->size());
    return std::nullopt;
  }
  input->remove_prefix(end + 1);
  // A line feed alone ends no line: what one reader takes for framing must be framing to all.
  if (!line_.ends_with('\r')) return CorruptionError("a line of the chunked framing lacks its CR");
  line_.pop_back();
  return std::exchange(line_, {});
}

Status ChunkedDecoder::Line(std::string_view line) {
  switch (state_) {
    case State::kSize: {
      const std::string_view size = line.substr(0, line.find(';'));
      const auto [end, error] =
          std::from_chars(size.data(), size.data() + size.size(), remaining_, 16);
      if (error != std::errc() || end != size.data() + size.size()) {
        return CorruptionError("\"" + std::string(size.substr(0, 40)) + "\" is not a chunk size");
      }
      state_ = remaining_ == 0 ? State::kTrailer : State::kData;
      return {};
    }
    case State::kDataEnd:
      if (!line.empty()) return CorruptionError("a chunk is longer than its size");
      state_ = State::kSize;
      return {};
    default:  // A trailer; the empty line ends the body.
      if (line.empty()) state_ = State::kDone;
      trailer_bytes_ += line.size();
      if (trailer_bytes_ > kMaxTrailers) return CorruptionError("the trailers are too large");
      return {};
  }
}

Status ChunkedDecoder::Decode(std::string_view* input, std::string* body) {
  while (!input->empty() && state_ != State::kDone) {
    if (state_ == State::kData) {
      const size_t taken = std::min<uint64_t>(remaining_, input->size());
      body->append(input->substr(0, taken));
      input->remove_prefix(taken);
      remaining_ -= taken;
      if (remaining_ == 0) state_ = State::kDataEnd;
      continue;
    }
    TOCSIN_ASSIGN_OR_RETURN(const std::optional<std::string> line, TakeLine(input));
    if (line.has_value()) {
      TOCSIN_RETURN_IF_ERROR(Line(*line));
    }
  }
  return {};
}

}  // namespace tocsin::http
