/// The configuration as it came out, as YAML that Load() reads to the same Config.

#pragma once

#include <string>

#include "cpp/config/config.h"
#include "cpp/config/reading.h"

namespace tocsin::config {

/// Each value has its origin as a comment. Passwords in URLs and the values of Authorization
/// headers are hidden.
std::string Effective(const Config& config, const Reading& reading);

/// One entry of scrape_configs, without origins.
std::string EffectiveScrape(const Scrape& scrape);

}  // namespace tocsin::config
