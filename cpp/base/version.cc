#include "cpp/base/version.h"

namespace tocsin {

std::string_view Version() { return TOCSIN_VERSION; }

std::string_view Revision() { return TOCSIN_REVISION; }

}  // namespace tocsin
