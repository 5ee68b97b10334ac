/// What a client would like to get: the headers Accept and Accept-Encoding.

#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tocsin::http {

/// An item of such a header.
struct Choice {
  std::string name;     ///< In lower case.
  std::string version;  ///< Its parameter `version`, or "".
  double weight = 1;    ///< From 0 (not at all) to 1. What is no number is 0.
};

/// The items of the header in their order.
std::vector<Choice> ReadChoices(std::string_view header);

/// Whether the Accept-Encoding header takes gzip.
bool AcceptsGzip(std::string_view accept_encoding);

}  // namespace tocsin::http
