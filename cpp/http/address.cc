#include "cpp/http/address.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <memory>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

namespace tocsin::http {
namespace {

Result<uint16_t> ParsePort(std::string_view text, std::string_view whole) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) {
    return InvalidArgumentError("\"" + std::string(whole) + "\": \"" + std::string(text) +
                                "\" is not a port (0 to 65535)");
  }
  return port;
}

template <class T>
T As(const sockaddr_storage& storage) {
  T address;
  std::memcpy(&address, &storage, sizeof(T));
  return address;
}

}  // namespace

Result<HostPort> ParseHostPort(std::string_view text, uint16_t default_port) {
  HostPort endpoint;
  std::string_view port;
  bool has_port = false;
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close == std::string_view::npos) {
      return InvalidArgumentError("\"" + std::string(text) + "\": \"[\" without \"]\"");
    }
    endpoint.host = text.substr(1, close - 1);
    std::string_view rest = text.substr(close + 1);
    if (!rest.empty() && !rest.starts_with(':')) {
      return InvalidArgumentError("\"" + std::string(text) +
                                  "\": after \"]\" only \":port\" may come");
    }
    has_port = !rest.empty();
    if (has_port) port = rest.substr(1);
  } else {
    const size_t colon = text.find(':');
    if (colon != std::string_view::npos && text.find(':', colon + 1) != std::string_view::npos) {
      return InvalidArgumentError("\"" + std::string(text) +
                                  "\": an IPv6 address is written in brackets, \"[::1]:80\"");
    }
    endpoint.host = text.substr(0, colon);
    has_port = colon != std::string_view::npos;
    if (has_port) port = text.substr(colon + 1);
  }
  if (has_port) {
    TOCSIN_ASSIGN_OR_RETURN(endpoint.port, ParsePort(port, text));
  } else if (default_port != 0) {
    endpoint.port = default_port;
  } else {
    return InvalidArgumentError("\"" + std::string(text) +
                                "\" names no port: \"host:port\" is needed");
  }
  return endpoint;
}

std::string SocketAddress::ToString() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (storage.ss_family == AF_INET) {
    const auto v4 = As<sockaddr_in>(storage);
    inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
    return std::string(text.data()) + ":" + std::to_string(ntohs(v4.sin_port));
  }
  const auto v6 = As<sockaddr_in6>(storage);
  const std::string port = ":" + std::to_string(ntohs(v6.sin6_port));
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
    inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text.data(), text.size());
    return text.data() + port;
  }
  inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
  return "[" + std::string(text.data()) + "]" + port;
}

Result<std::vector<SocketAddress>> Resolve(const HostPort& endpoint) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | (endpoint.host.empty() ? AI_PASSIVE : 0);
  addrinfo* list = nullptr;
  const int error = getaddrinfo(endpoint.host.empty() ? nullptr : endpoint.host.c_str(),
                                std::to_string(endpoint.port).c_str(), &hints, &list);
  if (error != 0) {
    return UnavailableError("cannot resolve \"" + endpoint.host + "\": " + gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(list, &freeaddrinfo);
  std::vector<SocketAddress> addresses;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    SocketAddress address;
    address.length = entry->ai_addrlen;
    std::memcpy(&address.storage, entry->ai_addr, entry->ai_addrlen);
    addresses.push_back(address);
  }
  std::ranges::stable_partition(
      addresses, [](const SocketAddress& address) { return address.storage.ss_family == AF_INET; });
  return addresses;
}

}  // namespace tocsin::http
