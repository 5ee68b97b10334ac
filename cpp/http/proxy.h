/// Which proxy leads to a URL.

#pragma once

#include <optional>
#include <string_view>

#include "cpp/base/http_options.h"
#include "cpp/base/status.h"
#include "cpp/http/url.h"

namespace tocsin::http {

/// nullopt: none. kInvalidArgument if what the options or the environment name is no http URL.
Result<std::optional<Url>> ProxyFor(const Url& url, const ProxyOptions& options);

/// Is the host one of the `list`, which is as ProxyOptions::no_proxy?
bool IsExempt(const HostPort& endpoint, std::string_view list);

}  // namespace tocsin::http
