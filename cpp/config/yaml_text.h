/// What was read from YAML, as text again.

#pragma once

#include <string>

#include "cpp/lib/yaml.h"

namespace tocsin::config {

/// Block style, without comments. What is secret, by its key, is "<secret>": passwords, tokens,
/// keys, URLs of webhooks; and the passwords within other URLs are hidden.
std::string YamlWithoutSecrets(const lib::Yaml& node);

/// The same value as JSON: what is not quoted is a number, a boolean or null where YAML 1.1 says
/// so.
std::string YamlAsJson(const lib::Yaml& node);

}  // namespace tocsin::config
