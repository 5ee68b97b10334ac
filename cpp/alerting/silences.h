/// Silences: who asked for quiet about which alerts, from when to when, and why.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/base/telemetry.h"
#include "cpp/model/labels.h"
#include "cpp/model/state_store.h"
#include "cpp/routing/matcher.h"

namespace tocsin::alerting {

struct Silence {
  std::string id;  ///< A UUID; empty: one that Set makes.
  routing::Matchers matchers;
  Nanos starts_at = 0;
  Nanos ends_at = 0;
  Nanos updated_at = 0;
  std::string created_by;
  std::string comment;
  std::map<std::string, std::string> annotations;  ///< Kept and given back.

  enum class State : uint8_t { kPending, kActive, kExpired };
  State StateAt(Nanos now) const;
};

/// "pending", "active" or "expired".
std::string_view SilenceStateName(Silence::State state);

struct SilenceOptions {
  Nanos retention = 120 * kHour;  ///< An expired silence is forgotten so long after its end.
  size_t silences_max = 10'000;   ///< Held at one time, expired ones too; further ones are refused.
  size_t silence_bytes_max = 64 << 10;  ///< Of one, as it is saved.
};

/// All silences; kept in a StateStore of their own, each under its id. Thread-safe.
class Silences {
 public:
  /// Borrows the store and telemetry (alertmanager_silences{state}).
  Silences(SilenceOptions options, StateStore* state, Telemetry* telemetry);
  ~Silences();
  Silences(const Silences&) = delete;
  Silences& operator=(const Silences&) = delete;

  /// Takes up what was saved; what cannot be read is left out and logged. To be called once, first.
  Status Restore(Nanos now);

  /// Makes a silence, or changes the one that its id names, and returns its id: as Alertmanager
  /// does, changing what is expired, or the matchers or start of one that is active, ends that one
  /// and makes another, which has another id. A start of 0, or one in the past of a new silence, is
  /// now. Durable when it returns. kInvalidArgument: no matcher, only matchers that match the empty
  /// text, an end not behind the start or in the past, too large. kNotFound: no silence of this id.
  /// kResourceExhausted: too many. Errors of the store: nothing was changed.
  Result<std::string> Set(Silence silence, Nanos now);

  /// Ends a silence now; Ok if it has ended already. Durable when it returns. kNotFound.
  Status Expire(std::string_view id, Nanos now);

  /// kNotFound.
  Result<Silence> Find(std::string_view id) const;
  /// All, as Alertmanager orders them: active, pending (the next to change first), expired (the
  /// last to end first).
  std::vector<Silence> List(Nanos now) const;

  /// The ids of the active silences that match, ascending. Cheap to call for every alert of every
  /// flush: what matches a label set is remembered, and only new silences are looked at again.
  std::vector<std::string> Silencing(const Labels& labels, Nanos now) const;

  /// Forgets what is expired for longer than the retention; what the store does not erase stays
  /// until the next call. Counts the states for the metric. To be called now and then.
  void Collect(Nanos now);

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace tocsin::alerting
