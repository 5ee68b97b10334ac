#include "cpp/discover/target_group.h"

namespace tocsin::discover {

Status CheckAddress(std::string_view address) {
  if (address.find('/') == std::string_view::npos) return {};
  return InvalidArgumentError("\"" + std::string(address) + "\" is not a valid hostname");
}

}  // namespace tocsin::discover
