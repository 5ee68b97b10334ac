/// Which handler answers which method and path.

#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/http/message.h"

namespace tocsin::http {

/// Called from several threads at once; may block.
using Handler = std::function<Response(const Request&)>;

class Router {
 public:
  /// `pattern` is a path whose segments are literal or `{name}` (one whole segment); the last may
  /// be `{name...}`, which takes the rest. Literal segments win over `{name}`.
  void Handle(std::string_view method, std::string_view pattern, Handler handler);

  /// Requests for this literal path are handled by a thread that no others take, however many there
  /// are: for what tells whether the process is well. Its handlers must be quick.
  void Reserve(std::string_view path) { reserved_.emplace_back(path); }
  bool IsReserved(std::string_view path) const {
    return std::ranges::find(reserved_, path) != reserved_.end();
  }

  /// Replaces each handler that is there by what `wrap` makes of it, as for measuring.
  void WrapHandlers(const std::function<Handler(std::string_view method, std::string_view pattern,
                                                Handler handler)>& wrap);

  /// Answers 404 for an unknown path (a sentence that names it) and 405 with `Allow` for a known
  /// path and another method. HEAD is answered as GET without its body.
  Response Route(Request request) const;

  /// The method and pattern of each handler, in the order of Handle().
  std::vector<std::pair<std::string, std::string>> Patterns() const;

 private:
  struct Entry {
    std::string method;
    std::vector<std::string> segments;
    Handler handler;

    std::string Pattern() const;
  };

  /// The entry that answers, or null; then `*allowed` has the methods that the path does know.
  const Entry* Find(std::string_view method, std::string_view path,
                    std::vector<std::string_view>* allowed) const;

  std::vector<Entry> entries_;
  std::vector<std::string> reserved_;
};

}  // namespace tocsin::http
