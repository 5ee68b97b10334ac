/// HTTP messages as plain values, so that handlers and their tests know nothing of sockets.

#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tocsin::http {

using Headers = std::vector<std::pair<std::string, std::string>>;

/// Are these the same name of a header, or the same of its options? Case does not matter.
bool SameName(std::string_view a, std::string_view b);

struct Request {
  std::string method;  ///< Upper case.
  std::string path;    ///< The target's path, as it came: not percent-decoded.
  std::vector<std::pair<std::string, std::string>> query;  ///< Percent-decoded, in order.
  /// Values of the route's `{name}` parts, percent-decoded once.
  std::vector<std::pair<std::string, std::string>> params;
  Headers headers;     ///< Names in lower case.
  std::string body;    ///< Whole, chunks joined, still content-encoded.
  std::string remote;  ///< "address:port" of the client.
  /// Set by the server, and good only while the handler runs or its stream is written; a test need
  /// not set it. Ask Cancelled() instead.
  std::function<bool()> cancelled;

  /// The header's value, or "". Of several headers of that name, the first.
  std::string_view Header(std::string_view lower_case_name) const;
  /// The first query parameter of that name; nullopt if there is none.
  std::optional<std::string_view> Query(std::string_view name) const;
  /// The route's part of that name, or "".
  std::string_view Param(std::string_view name) const;
  /// Whether nobody waits for the answer any more: the client has hung up, or the server's shutdown
  /// has run out of time. One system call: ask every few milliseconds of work, not every row.
  bool Cancelled() const { return cancelled && cancelled(); }
};

/// Takes the next piece of a body. Waits while the client reads more slowly than that; false once
/// nobody reads any more.
using BodyWriter = std::function<bool(std::string_view piece)>;

struct Response {
  int status = 200;
  Headers headers = {};
  std::string body = {};
  /// If set, what makes the body, piece by piece, so that it is never whole in memory; `body` is
  /// then ignored. Called once at most, on a thread for slow clients, when handler and request are
  /// gone.
  /// False if the body breaks off: the client sees that.
  std::function<bool(const BodyWriter& write)> stream = {};

  static Response Text(int status, std::string_view text);
  static Response Json(int status, std::string body);
  /// Replaces a header of that name (case does not matter) or adds it.
  Response& Set(std::string_view name, std::string_view value);
  /// The header's value, or "". Case of the name does not matter.
  std::string_view Header(std::string_view name) const;
};

/// "Not Found" for 404; "Unknown" for what RFC 9110 does not name.
std::string_view ReasonPhrase(int status);

/// Percent-decodes; `plus_is_space` for query strings and forms. A percent sign that no two
/// hexadecimal digits follow stands for itself.
std::string PercentDecode(std::string_view text, bool plus_is_space);
/// `a=1&b=2` of a query string or of an application/x-www-form-urlencoded body.
std::vector<std::pair<std::string, std::string>> ParseQuery(std::string_view text);

}  // namespace tocsin::http
