/// Addresses of the form host:port, as stripPort and stripDomain take them apart. Private to this
/// folder.

#pragma once

#include <string>
#include <string_view>

namespace tocsin::tmpl {

/// "foo.example.com:80" gives "foo.example.com", "[2001:db8::1]:80" gives "2001:db8::1"; what is no
/// host and port stays as it is.
std::string StripPort(std::string_view address);

/// "foo.example.com:80" gives "foo:80"; IP addresses stay as they are.
std::string StripDomain(std::string_view address);

}  // namespace tocsin::tmpl
