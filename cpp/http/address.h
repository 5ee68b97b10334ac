/// Names of network endpoints: reading "host:port", resolving it, and printing what was resolved.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <sys/socket.h>

#include "cpp/base/status.h"

namespace tocsin::http {

struct HostPort {
  std::string host;  ///< A name or an address, without the brackets of IPv6; may be empty.
  uint16_t port = 0;
};

/// Reads "host:port", "[::1]:port", ":port" and, if `default_port` is not 0, any of them without a
/// port. kInvalidArgument with what is wrong.
Result<HostPort> ParseHostPort(std::string_view text, uint16_t default_port);

/// An address as the socket calls take it.
struct SocketAddress {
  sockaddr_storage storage = {};
  socklen_t length = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  /// "127.0.0.1:3200" or "[::1]:3200".
  std::string ToString() const;
};

/// Every address of the host, IPv4 first; an empty host means all addresses of this machine (for
/// listening). May wait for a name server. kUnavailable when the name is not known.
Result<std::vector<SocketAddress>> Resolve(const HostPort& endpoint);

}  // namespace tocsin::http
