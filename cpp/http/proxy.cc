#include "cpp/http/proxy.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include <arpa/inet.h>

namespace tocsin::http {
namespace {

/// The bytes of an address, 4 or 16 of them; empty if the text is none.
std::vector<uint8_t> AddressBytes(const std::string& text) {
  std::vector<uint8_t> bytes(sizeof(in_addr));
  if (inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return bytes;
  bytes.resize(sizeof(in6_addr));
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return bytes;
  return {};
}

bool IsInRange(const std::string& host, std::string_view range) {
  const size_t slash = range.find('/');
  const std::vector<uint8_t> base = AddressBytes(std::string(range.substr(0, slash)));
  const std::vector<uint8_t> address = AddressBytes(host);
  if (base.empty() || base.size() != address.size()) return false;
  size_t bits = 0;
  const std::string_view length = range.substr(slash + 1);
  const auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), bits);
  if (error != std::errc() || end != length.data() + length.size() || bits > 8 * base.size()) {
    return false;
  }
  for (size_t i = 0; i < bits; ++i) {
    const auto mask = static_cast<uint8_t>(0x80U >> (i % 8));
    if (((base[i / 8] ^ address[i / 8]) & mask) != 0) return false;
  }
  return true;
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

bool IsLoopback(const std::string& host) {
  return Lower(host) == "localhost" || IsInRange(host, "127.0.0.0/8") || IsInRange(host, "::1/128");
}

// The first of them that is set, or "".
std::string Environment(const char* lower, const char* upper) {
  for (const char* name : {upper, lower}) {
    // Nothing here changes the environment.
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
    if (value != nullptr && *value != '\0') return value;
  }
  return {};
}

}  // namespace

bool IsExempt(const HostPort& endpoint, std::string_view list) {
  const std::string host = Lower(endpoint.host);
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    std::string entry = Lower(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
    std::erase_if(entry, [](char c) { return c == ' ' || c == '\t'; });
    if (entry.empty()) continue;
    if (entry == "*") return true;
    if (entry.find('/') != std::string::npos) {
      if (IsInRange(host, entry)) return true;
      continue;
    }
    const bool bare_v6 = std::ranges::count(entry, ':') > 1 && !entry.starts_with('[');
    if (!bare_v6) {
      const Result<HostPort> parts = ParseHostPort(entry, 1);
      if (!parts.has_value()) continue;
      const bool with_port = entry.ends_with(":" + std::to_string(parts->port));
      if (with_port && parts->port != endpoint.port) continue;
      entry = parts->host;
    }
    if (entry.starts_with("*.")) entry.erase(0, 1);
    // ".a.org" are the hosts below a.org; "a.org" is itself one too.
    if (entry.starts_with('.') ? host.ends_with(entry)
                               : host == entry || host.ends_with("." + entry)) {
      return true;
    }
  }
  return false;
}

Result<std::optional<Url>> ProxyFor(const Url& url, const ProxyOptions& options) {
  std::string proxy = options.url;
  std::string no_proxy = options.no_proxy;
  if (options.from_environment) {
    proxy = url.tls ? Environment("https_proxy", "HTTPS_PROXY")
                    : Environment("http_proxy", "HTTP_PROXY");
    no_proxy = Environment("no_proxy", "NO_PROXY");
    // There "host:port" will do.
    if (!proxy.empty() && proxy.find("://") == std::string::npos) proxy.insert(0, "http://");
  }
  if (proxy.empty()) return std::nullopt;
  const bool with_exceptions = options.from_environment || !no_proxy.empty();
  if (with_exceptions && (IsLoopback(url.endpoint.host) || IsExempt(url.endpoint, no_proxy))) {
    return std::nullopt;
  }
  TOCSIN_ASSIGN_OR_RETURN(Url parsed, ParseUrl(proxy));
  if (parsed.tls) {
    return InvalidArgumentError("proxy " + ShownUrl(proxy) + ": a proxy is spoken to in http");
  }
  return std::optional<Url>(std::move(parsed));
}

}  // namespace tocsin::http
