/// `tocsin export`: traces of a directory or of a running server into a file.

#pragma once

#include <string>

#include "cpp/base/status.h"
#include "cpp/cli/arguments.h"

namespace tocsin::cli {

/// Writes the file and says on standard error how much it has. `directory` empty: from the server
/// at arguments.url; otherwise from the directory, or, if a server holds it, from that server.
Status Export(const Arguments& arguments, const std::string& directory);

}  // namespace tocsin::cli
