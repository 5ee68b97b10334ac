#include "cpp/discover/address.h"

#include <string>

namespace tocsin::discover {

Status CheckAddress(std::string_view address) {
  if (address.find('/') == std::string_view::npos) return {};
  return InvalidArgumentError("\"" + std::string(address) + "\" is not a valid hostname");
}

}  // namespace tocsin::discover
