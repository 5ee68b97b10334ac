/// `tocsin import`: files of traces into a running server or a directory.

#pragma once

#include "cpp/base/status.h"
#include "cpp/cli/arguments.h"
#include "cpp/config/config.h"

namespace tocsin::cli {

/// Reads the files one after the other and says on standard error how much was taken, also when it
/// ends early: what stands before a malformed request is kept. `config` null: into the server at
/// arguments.url; otherwise into its directory, or, if a server holds that, into the server. Spans
/// are stored, and counted by the span metrics, as if they had just been sent.
Status Import(const Arguments& arguments, const config::Config* config);

}  // namespace tocsin::cli
