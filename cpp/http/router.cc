#include "cpp/http/router.h"

#include <algorithm>
#include <compare>
#include <cstddef>
#include <utility>

#include "cpp/base/check.h"

namespace tocsin::http {
namespace {

std::vector<std::string_view> Split(std::string_view path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  std::vector<std::string_view> segments;
  while (true) {
    const size_t slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

/// In the order in which they win.
enum class Kind : uint8_t { kLiteral, kParam, kRest };

Kind KindOf(std::string_view segment) {
  if (!segment.starts_with('{')) return Kind::kLiteral;
  return segment.ends_with("...}") ? Kind::kRest : Kind::kParam;
}

/// The name between the braces.
std::string_view NameOf(std::string_view segment) {
  const size_t decoration = KindOf(segment) == Kind::kRest ? 5 : 2;
  return segment.substr(1, segment.size() - decoration);
}

bool Matches(const std::vector<std::string>& pattern, const std::vector<std::string_view>& path) {
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (i >= path.size()) return false;
    const Kind kind = KindOf(pattern[i]);
    if (kind == Kind::kRest) return true;
    if (kind == Kind::kLiteral ? pattern[i] != path[i] : path[i].empty()) return false;
  }
  return pattern.size() == path.size();
}

/// Whether `a` says more about the path than `b`, both of which match it.
bool Wins(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::ranges::lexicographical_compare(a, b, {}, KindOf, KindOf);
}

std::vector<std::pair<std::string, std::string>> Params(const std::vector<std::string>& pattern,
                                                        std::string_view path) {
  std::vector<std::pair<std::string, std::string>> params;
  std::string_view rest = path;
  for (const std::string& segment : pattern) {
    if (!rest.empty()) rest.remove_prefix(1);  // The slash before this segment.
    const Kind kind = KindOf(segment);
    const std::string_view value = kind == Kind::kRest ? rest : rest.substr(0, rest.find('/'));
    if (kind != Kind::kLiteral) params.emplace_back(NameOf(segment), PercentDecode(value, false));
    rest.remove_prefix(value.size());
  }
  return params;
}

Response NoSuchPath(std::string_view path) {
  constexpr size_t kShown = 200;
  std::string text = "404 no such path: ";
  text.append(path.substr(0, kShown));
  if (path.size() > kShown) text.append("...");
  return Response::Text(404, text + "\n");
}

Response NotAllowed(std::vector<std::string_view> allowed) {
  std::ranges::sort(allowed);
  std::string list;
  for (const std::string_view method : allowed) {
    if (!list.empty()) list += ", ";
    list += method;
  }
  return Response::Text(405, "405 method not allowed, supported: [" + list + "]")
      .Set("Allow", list);
}

}  // namespace

void Router::Handle(std::string_view method, std::string_view pattern, Handler handler) {
  TOCSIN_CHECK(pattern.starts_with('/'));
  Entry entry{.method = std::string(method), .segments = {}, .handler = std::move(handler)};
  for (const std::string_view segment : Split(pattern)) entry.segments.emplace_back(segment);
  for (const Entry& other : entries_) {
    TOCSIN_CHECK(other.method != entry.method || other.segments != entry.segments);
  }
  entries_.push_back(std::move(entry));
}

const Router::Entry* Router::Find(std::string_view method, std::string_view path,
                                  std::vector<std::string_view>* allowed) const {
  const std::vector<std::string_view> segments = Split(path);
  const Entry* best = nullptr;
  for (const Entry& entry : entries_) {
    if (!Matches(entry.segments, segments)) continue;
    if (entry.method == method) {
      if (best == nullptr || Wins(entry.segments, best->segments)) best = &entry;
    } else if (std::ranges::find(*allowed, entry.method) == allowed->end()) {
      allowed->push_back(entry.method);
    }
  }
  return best;
}

Response Router::Route(Request request) const {
  const bool head = request.method == "HEAD";
  std::vector<std::string_view> allowed;
  const Entry* const entry = Find(head ? "GET" : request.method, request.path, &allowed);
  Response response;
  if (entry != nullptr) {
    request.params = Params(entry->segments, request.path);
    response = entry->handler(request);
  } else {
    response = allowed.empty() ? NoSuchPath(request.path) : NotAllowed(std::move(allowed));
  }
  if (head && response.stream) {
    response.stream = nullptr;
  } else if (head) {
    response.Set("Content-Length", std::to_string(response.body.size()));
    response.body.clear();
  }
  return response;
}

std::string Router::Entry::Pattern() const {
  std::string pattern;
  for (const std::string& segment : segments) pattern.append("/").append(segment);
  return pattern;
}

void Router::WrapHandlers(
    const std::function<Handler(std::string_view, std::string_view, Handler)>& wrap) {
  for (Entry& entry : entries_) {
    entry.handler = wrap(entry.method, entry.Pattern(), std::move(entry.handler));
  }
}

std::vector<std::pair<std::string, std::string>> Router::Patterns() const {
  std::vector<std::pair<std::string, std::string>> patterns;
  patterns.reserve(entries_.size());
  for (const Entry& entry : entries_) patterns.emplace_back(entry.method, entry.Pattern());
  return patterns;
}

}  // namespace tocsin::http
