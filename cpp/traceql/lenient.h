/// Reads a query that somebody is still typing, to narrow what completion offers.

#pragma once

#include <optional>
#include <string_view>

#include "cpp/traceql/ast.h"

namespace tocsin::traceql {

/// The spanset filter of a query as far as it can be read. A condition that is not complete
/// (`resource.cluster =`, a name alone, an open quote) counts as true, so that `&&` keeps the
/// others and `||` with it no longer narrows anything; brackets that are not closed are closed; a
/// pipeline is left off. Never an error: nullopt, which is no filter, for what has no filter, more
/// than one, or more than 100 conditions. Names are read loosely. The result is of kind kFilter.
std::optional<Spanset> ParseLenient(std::string_view text);

}  // namespace tocsin::traceql
