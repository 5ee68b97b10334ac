/// Finds and reads the rule files that the configuration names.

#pragma once

#include <string>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/rules/rule_file.h"

namespace tocsin::server {

/// Reads every file that the globs match, ordered by path, each once. A glob without wildcards must
/// match. All files or none: the first complaint is returned.
Result<std::vector<rules::RuleFile>> ReadRuleFiles(const std::vector<std::string>& globs);

}  // namespace tocsin::server
