#include "cpp/server/server_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>

#include <unistd.h>

#include "cpp/base/version.h"
#include "cpp/lib/json.h"

namespace tocsin::server {
namespace {

std::string PathOf(const std::string& directory) { return directory + "/server.json"; }

}  // namespace

std::string Reachable(const std::string& address) {
  const size_t colon = address.rfind(':');
  const std::string host = address.substr(0, colon);
  const std::string port = colon == std::string::npos ? "" : address.substr(colon);
  if (host == "0.0.0.0") return "127.0.0.1" + port;
  if (host == "[::]" || host == "::") return "[::1]" + port;
  return address;
}

Status WriteServerFile(const std::string& directory, const Addresses& addresses) {
  lib::JsonWriter w;
  w.BeginObject().Key("pid").Int(getpid()).Key("version").String(Version());
  w.Key("addresses").BeginObject();
  for (const auto& [name, address] : addresses) w.Key(name).String(Reachable(address));
  w.EndObject().EndObject();
  const std::string path = PathOf(directory);
  const std::string temporary = path + ".new";
  {
    std::ofstream file(temporary, std::ios::trunc);
    file << w.text() << '\n';
    if (!file.flush()) return UnavailableError("cannot write " + temporary);
  }
  if (std::rename(temporary.c_str(), path.c_str()) != 0) {
    return UnavailableError("cannot rename " + temporary);
  }
  return {};
}

void RemoveServerFile(const std::string& directory) { unlink(PathOf(directory).c_str()); }

Result<std::string> ReadServerUrl(const std::string& directory) {
  std::ifstream file(PathOf(directory), std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const Result<lib::Json> json = lib::Json::Parse(text);
  const lib::Json* const addresses = json.has_value() ? json->Find("addresses") : nullptr;
  const lib::Json* const http = addresses == nullptr ? nullptr : addresses->Find("http");
  const std::string_view address = http == nullptr ? "" : http->StringOr("");
  if (address.empty()) return NotFoundError(PathOf(directory) + " names no address");
  return "http://" + std::string(address);
}

}  // namespace tocsin::server
