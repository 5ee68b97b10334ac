/// Sizes and numbers as people write them in YAML. Durations: ParsePeriod of cpp/base/duration.h.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tocsin::config {

/// Bytes: `1_000_000`, `0x100`, `30GB` (10^9), `30Gi` and `30GiB` (2^30), `1.5GB`; units B, K, M,
/// G, T, P, of either case. nullopt for anything else and for more than 2^64 - 1.
std::optional<uint64_t> ParseSize(std::string_view text);

/// The same, where K and KB are 1024 bytes as Ki and KiB are, and so on.
std::optional<uint64_t> ParseBinarySize(std::string_view text);

/// `10`, `1_000`, `0x1f`. nullopt for anything else and on overflow.
std::optional<uint64_t> ParseCount(std::string_view text);

/// `true`, `yes`, `on` and their opposites, as YAML 1.1 has them.
std::optional<bool> ParseBool(std::string_view text);

}  // namespace tocsin::config
