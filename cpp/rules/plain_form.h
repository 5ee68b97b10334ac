/// PrometheusRule manifests as the plain rule files that promtool reads.

#pragma once

#include <string>
#include <string_view>

#include "cpp/base/status.h"

namespace tocsin::rules {

/// The groups of every manifest in `text`, in order, as one file of `groups:`; comments are lost. A
/// plain file comes out with the same content. kInvalidArgument: no YAML, or two groups of one
/// name, which a plain file cannot hold. Whether the rules are right is ParseRuleFile's to say.
Result<std::string> PlainForm(std::string_view text);

}  // namespace tocsin::rules
