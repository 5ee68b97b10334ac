#include "cpp/template/host.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace tocsin::tmpl {
namespace {

struct HostPort {
  std::string_view host;
  std::string_view port;
};

/// As net.SplitHostPort of Go; nullopt where that is an error.
std::optional<HostPort> SplitHostPort(std::string_view address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = address.substr(0, colon);
  const std::string_view port = address.substr(colon + 1);
  if (address.starts_with('[')) {
    if (!host.ends_with(']')) return std::nullopt;
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return std::nullopt;
  }
  constexpr std::string_view kBrackets = "[]";
  if (host.find_first_of(kBrackets) != std::string_view::npos ||
      port.find_first_of(kBrackets) != std::string_view::npos) {
    return std::nullopt;
  }
  return HostPort{host, port};
}

bool IsIpv4(std::string_view text) {
  int parts = 0;
  while (true) {
    const size_t end = std::min(text.find('.'), text.size());
    const std::string_view part = text.substr(0, end);
    const bool digits = !part.empty() && part.size() <= 3 &&
                        part.find_first_not_of("0123456789") == std::string_view::npos;
    if (!digits || (part.size() > 1 && part[0] == '0')) return false;
    if (part.size() == 3 && part > "255") return false;
    ++parts;
    if (end == text.size()) return parts == 4;
    text.remove_prefix(end + 1);
  }
}

/// Eight groups of up to four hexadecimal digits, of which one run may be "::", and the last two
/// may be an IPv4 address.
bool IsIpv6(std::string_view text) {
  const size_t gap = text.find("::");
  if (gap != std::string_view::npos && text.find("::", gap + 1) != std::string_view::npos) {
    return false;
  }
  const auto groups = [](std::string_view part, bool ipv4_allowed) -> std::optional<int> {
    int count = 0;
    if (part.empty()) return 0;
    while (true) {
      const size_t end = std::min(part.find(':'), part.size());
      const std::string_view group = part.substr(0, end);
      const bool last = end == part.size();
      if (last && ipv4_allowed && IsIpv4(group)) return count + 2;
      if (group.empty() || group.size() > 4 ||
          group.find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos) {
        return std::nullopt;
      }
      ++count;
      if (last) return count;
      part.remove_prefix(end + 1);
    }
  };
  if (gap == std::string_view::npos) return groups(text, true) == 8;
  const std::optional<int> before = groups(text.substr(0, gap), false);
  const std::optional<int> after = groups(text.substr(gap + 2), true);
  return before && after && *before + *after < 8;
}

}  // namespace

std::string StripPort(std::string_view address) {
  const std::optional<HostPort> split = SplitHostPort(address);
  return std::string(split ? split->host : address);
}

std::string StripDomain(std::string_view address) {
  const std::optional<HostPort> split = SplitHostPort(address);
  const std::string_view host = split ? split->host : address;
  if (IsIpv4(host) || IsIpv6(host)) return std::string(address);
  std::string name(host.substr(0, host.find('.')));
  if (!split || split->port.empty()) return name;
  if (name.find(':') != std::string::npos) name.insert(0, "[").push_back(']');
  return name.append(":").append(split->port);
}

}  // namespace tocsin::tmpl
