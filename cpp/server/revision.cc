#include "cpp/server/revision.h"

namespace tocsin::server {

std::string_view Revision() { return TOCSIN_REVISION; }

}  // namespace tocsin::server
