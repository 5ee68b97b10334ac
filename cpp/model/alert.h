/// An alert as it travels from the rules to whoever tells people: Alertmanagers and webhooks. The
/// vocabulary is Alertmanager's.

#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/model/labels.h"

namespace tocsin {

/// Texts about an alert, sorted by name, names unique. Unlike a label, an annotation may be empty.
using Annotations = std::vector<std::pair<std::string, std::string>>;

struct Alert {
  Labels labels;  ///< The identity, `alertname` among them.
  Annotations annotations;
  Nanos starts_at = 0;  ///< When it began to fire.
  /// When it was resolved; while it fires, when it is to be taken for resolved if nobody says more.
  Nanos ends_at = 0;
  bool is_timeout = false;    ///< ends_at is not what was said, but filled in.
  Nanos updated_at = 0;       ///< When this was said. Of two messages the later wins.
  std::string generator_url;  ///< Where its expression can be looked at.

  bool ResolvedAt(Nanos now) const { return ends_at <= now; }

  friend bool operator==(const Alert&, const Alert&) = default;
};

/// The fingerprint that Prometheus and Alertmanager print in 16 hexadecimal digits: FNV-1a, 64 bit,
/// over the sorted names and values, each followed by a byte 0xff.
inline uint64_t Fingerprint(const Labels& labels) {
  uint64_t hash = 14695981039346656037U;
  const auto add = [&hash](std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211U;
    hash = (hash ^ 0xffU) * 1099511628211U;
  };
  for (const auto& [name, value] : labels) {
    add(name);
    add(value);
  }
  return hash;
}

/// The value of an annotation, or "" if there is none of that name.
inline std::string_view FindAnnotation(const Annotations& annotations, std::string_view name) {
  const auto it = std::ranges::find(annotations, name, &Annotations::value_type::first);
  return it == annotations.end() ? std::string_view() : std::string_view(it->second);
}

}  // namespace tocsin
