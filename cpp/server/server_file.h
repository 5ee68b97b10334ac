/// <data>/server.json: where the process that holds the directory listens. Other processes find it
/// there: a second server's refusal names it, tocsin.open() attaches to it.

#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cpp/base/status.h"

namespace tocsin::server {

/// Listener names ("http", "otlp_grpc", "otlp_http", "metrics") and their "host:port".
using Addresses = std::vector<std::pair<std::string, std::string>>;

/// The address to reach a listener at from the same machine: 0.0.0.0 and [::] become loopback.
std::string Reachable(const std::string& address);

/// Writes the file by rename, so that no reader sees half of it.
Status WriteServerFile(const std::string& directory, const Addresses& addresses);
void RemoveServerFile(const std::string& directory);

/// "http://host:port" of the API of the process that serves the directory, as far as the file
/// tells; whether it still answers is another matter. kNotFound without such a file or address.
Result<std::string> ReadServerUrl(const std::string& directory);

}  // namespace tocsin::server
