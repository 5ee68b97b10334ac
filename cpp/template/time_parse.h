/// Moments as Go's package time reads them.

#pragma once

#include <string_view>

#include "cpp/base/status.h"
#include "cpp/template/value.h"

namespace tocsin::tmpl {

/// time.Parse: what the layout does not ask for is the beginning of a year, of a day, and UTC. The
/// name of a zone ("MST") is read over. kInvalidArgument, in Go's words; also for moments that
/// int64 nanoseconds cannot hold (before 1678, after 2261), as those of a layout without a year
/// are.
Result<Time> ParseTime(std::string_view layout, std::string_view text);

}  // namespace tocsin::tmpl
