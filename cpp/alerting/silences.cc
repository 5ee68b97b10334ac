// Layout (the notions of cpp/base/record.h):
//
//     u8 1 | id: text | matchers: varint count, of each u8 operator, name: text, value: text |
//     starts_at, ends_at, updated_at: signed | created_by: text | comment: text |
//     annotations: pairs

#include "cpp/alerting/silences.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <random>
#include <span>
#include <tuple>
#include <utility>

#include "cpp/alerting/silence_index.h"
#include "cpp/base/civil_time.h"
#include "cpp/base/log.h"
#include "cpp/base/record.h"

namespace tocsin::alerting {
namespace {

using routing::Matcher;

constexpr uint8_t kVersion = 1;

std::string EncodeSilence(const Silence& silence) {
  RecordWriter writer;
  writer.Byte(kVersion).Text(silence.id).Varint(silence.matchers.size());
  for (const Matcher& matcher : silence.matchers) {
    writer.Byte(static_cast<uint8_t>(matcher.op)).Text(matcher.name).Text(matcher.value);
  }
  writer.Signed(silence.starts_at).Signed(silence.ends_at).Signed(silence.updated_at);
  writer.Text(silence.created_by).Text(silence.comment).Pairs(silence.annotations);
  return std::move(writer).Take();
}

Result<Silence> DecodeSilence(std::string_view bytes) {
  RecordReader reader(bytes);
  const bool known = reader.Byte() == kVersion;
  Silence silence;
  silence.id = reader.Text();
  for (uint64_t left = reader.Count(); left > 0 && reader.ok(); --left) {
    const auto op = static_cast<Matcher::Op>(reader.Byte() & 3U);
    const std::string name = reader.Text();
    TOCSIN_ASSIGN_OR_RETURN(Matcher matcher, Matcher::Make(op, name, reader.Text()));
    silence.matchers.push_back(std::move(matcher));
  }
  silence.starts_at = reader.Signed();
  silence.ends_at = reader.Signed();
  silence.updated_at = reader.Signed();
  silence.created_by = reader.Text();
  silence.comment = reader.Text();
  for (auto& [name, value] : reader.Pairs()) silence.annotations[name] = std::move(value);
  if (!known || !reader.done()) return CorruptionError("a saved silence cannot be read");
  return silence;
}

// Version 4 of RFC 4122.
std::string MakeUuid() {
  std::random_device random;
  std::array<uint8_t, 16> bytes{};
  for (size_t i = 0; i < bytes.size(); i += 4) {
    const uint32_t word = random();
    for (size_t k = 0; k < 4; ++k) bytes[i + k] = static_cast<uint8_t>(word >> (8 * k));
  }
  bytes[6] = static_cast<uint8_t>((bytes[6] & 0x0fU) | 0x40U);
  bytes[8] = static_cast<uint8_t>((bytes[8] & 0x3fU) | 0x80U);
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text.push_back('-');
    text.push_back(kHex[bytes[i] >> 4U]);
    text.push_back(kHex[bytes[i] & 15U]);
  }
  return text;
}

// A matcher that alone would silence everything that lacks its label.
bool MatchesEmpty(const Matcher& matcher) {
  const bool negative =
      matcher.op == Matcher::Op::kNotEqual || matcher.op == Matcher::Op::kNotRegex;
  return !negative && matcher.MatchesValue({});
}

Status Validate(const Silence& silence, Nanos now) {
  if (silence.matchers.empty()) return InvalidArgumentError("at least one matcher required");
  if (std::ranges::all_of(silence.matchers, MatchesEmpty)) {
    return InvalidArgumentError("at least one matcher must not match the empty string");
  }
  if (silence.starts_at >= silence.ends_at) {
    return InvalidArgumentError("start time must be before end time");
  }
  if (silence.ends_at < now) return InvalidArgumentError("end time can't be in the past");
  return {};
}

// Whether the change leaves alone what was silenced up to now.
bool CanUpdate(const Silence& before, const Silence& after, Nanos now) {
  if (before.matchers != after.matchers) return false;
  const auto seconds = [](Nanos time) { return FloorDivide(time, kSecond); };
  switch (before.StateAt(now)) {
    case Silence::State::kActive:
      return seconds(before.starts_at) == seconds(after.starts_at) && after.ends_at >= now;
    case Silence::State::kPending:
      return after.starts_at >= now;
    case Silence::State::kExpired:
      return false;
  }
  return false;
}

Silence Ended(Silence silence, Nanos now) {
  if (silence.StateAt(now) == Silence::State::kPending) silence.starts_at = now;
  silence.ends_at = now;
  silence.updated_at = now;
  return silence;
}

// Smaller stands first in List(): of its state the next to change, or the last that has.
std::tuple<int, Nanos, std::string_view> ListKey(const Silence& silence, Nanos now) {
  switch (silence.StateAt(now)) {
    case Silence::State::kActive:
      return {0, silence.ends_at, silence.id};
    case Silence::State::kPending:
      return {1, silence.starts_at, silence.id};
    case Silence::State::kExpired:
      return {2, -silence.ends_at, silence.id};
  }
  return {};
}

}  // namespace

Silence::State Silence::StateAt(Nanos now) const {
  if (now >= ends_at) return State::kExpired;
  return now < starts_at ? State::kPending : State::kActive;
}

std::string_view SilenceStateName(Silence::State state) {
  switch (state) {
    case Silence::State::kPending:
      return "pending";
    case Silence::State::kActive:
      return "active";
    case Silence::State::kExpired:
      return "expired";
  }
  return {};
}

class Silences::Impl {
 public:
  Impl(SilenceOptions options, StateStore* state, Telemetry* telemetry)
      : options_(options), state_(state) {
    for (const auto which :
         {Silence::State::kActive, Silence::State::kPending, Silence::State::kExpired}) {
      gauges_[static_cast<size_t>(which)] =
          &telemetry->GetGauge("alertmanager_silences", "How many silences by state.",
                               {{"state", std::string(SilenceStateName(which))}});
    }
  }

  Status Restore(Nanos now) {
    const std::lock_guard writing(writing_);
    TOCSIN_ASSIGN_OR_RETURN(const auto saved, state_->Load());
    const std::lock_guard lock(mutex_);
    for (const auto& [id, bytes] : saved) {
      Result<Silence> silence = DecodeSilence(bytes);
      if (silence.has_value() && silence->id == id) {
        Put(*std::move(silence));
      } else {
        log::Error("a silence is left out", {{"id", id}, {"error", "it cannot be read"}});
      }
    }
    Count(now);
    return {};
  }

  Result<std::string> Set(Silence silence, Nanos now) {
    if (silence.starts_at == 0) silence.starts_at = now;
    TOCSIN_RETURN_IF_ERROR(Validate(silence, now));
    const std::lock_guard writing(writing_);
    const Silence* before = FindHeld(silence.id);
    if (before == nullptr && !silence.id.empty()) return NotFoundError("silence not found");
    silence.updated_at = now;
    std::vector<Silence> changed;
    if (before == nullptr || !CanUpdate(*before, silence, now)) {
      if (silences_.size() >= options_.silences_max) {
        return ResourceExhaustedError(
            "exceeded maximum number of silences: " + std::to_string(silences_.size()) +
            " (limit: " + std::to_string(options_.silences_max) + ")");
      }
      if (before != nullptr && before->StateAt(now) != Silence::State::kExpired) {
        changed.push_back(Ended(*before, now));
      }
      silence.id = MakeUuid();
      silence.starts_at = std::max(silence.starts_at, now);
    }
    std::string id = silence.id;
    changed.push_back(std::move(silence));
    TOCSIN_RETURN_IF_ERROR(Keep(std::move(changed), now));
    return id;
  }

  Status Expire(std::string_view id, Nanos now) {
    const std::lock_guard writing(writing_);
    const Silence* silence = FindHeld(id);
    if (silence == nullptr) return NotFoundError("silence not found");
    if (silence->StateAt(now) == Silence::State::kExpired) return {};
    std::vector<Silence> changed;
    changed.push_back(Ended(*silence, now));
    return Keep(std::move(changed), now);
  }

  Result<Silence> Find(std::string_view id) const {
    const std::lock_guard lock(mutex_);
    const Silence* silence = FindHeld(id);
    if (silence == nullptr) return NotFoundError("silence not found");
    return *silence;
  }

  std::vector<Silence> List(Nanos now) const {
    std::vector<Silence> all;
    {
      const std::lock_guard lock(mutex_);
      all.reserve(silences_.size());
      for (const auto& [id, silence] : silences_) all.push_back(silence);
    }
    std::ranges::sort(all, [now](const Silence& a, const Silence& b) {
      return ListKey(a, now) < ListKey(b, now);
    });
    return all;
  }

  std::vector<std::string> Silencing(const Labels& labels, Nanos now) {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> ids = index_.Matching(labels);
    std::erase_if(ids, [&](const std::string& id) {
      return silences_.find(id)->second.StateAt(now) != Silence::State::kActive;
    });
    std::ranges::sort(ids);
    return ids;
  }

  void Collect(Nanos now) {
    const std::lock_guard writing(writing_);
    std::vector<StateChange> changes;
    for (const auto& [id, silence] : silences_) {
      if (now - options_.retention >= silence.ends_at) changes.push_back({id, std::nullopt});
    }
    if (!changes.empty()) {
      if (const Status saved = state_->Save(changes); !saved.ok()) {
        log::Warn("expired silences are kept", {{"error", saved.ToString()}});
        changes.clear();
      }
    }
    const std::lock_guard lock(mutex_);
    for (const StateChange& change : changes) {
      silences_.erase(change.key);
      index_.Remove(change.key);
    }
    Count(now);
  }

 private:
  // REQUIRES: either lock.
  const Silence* FindHeld(std::string_view id) const {
    const auto it = silences_.find(id);
    return it == silences_.end() ? nullptr : &it->second;
  }

  // REQUIRES: both locks.
  void Put(Silence silence) {
    const auto [it, added] = silences_.try_emplace(silence.id);
    if (added) index_.Add(silence.id, silence.matchers);
    it->second = std::move(silence);
  }

  // Saves, and only then lets anybody see. REQUIRES: writing_.
  Status Keep(std::vector<Silence> changed, Nanos now) {
    std::vector<StateChange> changes;
    for (const Silence& silence : changed) {
      changes.push_back({silence.id, EncodeSilence(silence)});
      const size_t size = changes.back().value->size();
      if (size > options_.silence_bytes_max) {
        return InvalidArgumentError("silence exceeded maximum size: " + std::to_string(size) +
                                    " bytes (limit: " + std::to_string(options_.silence_bytes_max) +
                                    " bytes)");
      }
    }
    TOCSIN_RETURN_IF_ERROR(state_->Save(changes));
    const std::lock_guard lock(mutex_);
    for (Silence& silence : changed) Put(std::move(silence));
    Count(now);
    return {};
  }

  // REQUIRES: mutex_.
  void Count(Nanos now) {
    std::array<size_t, kStates> counts{};
    for (const auto& [id, silence] : silences_) ++counts[static_cast<size_t>(silence.StateAt(now))];
    for (size_t i = 0; i < kStates; ++i) gauges_[i]->Set(static_cast<double>(counts[i]));
  }

  static constexpr size_t kStates = 3;

  const SilenceOptions options_;
  StateStore* const state_;
  std::array<Gauge*, kStates> gauges_{};

  /// Held while something is changed, also while that is saved; before mutex_.
  std::mutex writing_;
  /// Of what is below; to change it, both are held.
  mutable std::mutex mutex_;
  std::map<std::string, Silence, std::less<>> silences_;
  SilenceIndex index_;
};

Silences::Silences(SilenceOptions options, StateStore* state, Telemetry* telemetry)
    : impl_(std::make_unique<Impl>(options, state, telemetry)) {}
Silences::~Silences() = default;

Status Silences::Restore(Nanos now) { return impl_->Restore(now); }
Result<std::string> Silences::Set(Silence silence, Nanos now) {
  return impl_->Set(std::move(silence), now);
}
Status Silences::Expire(std::string_view id, Nanos now) { return impl_->Expire(id, now); }
Result<Silence> Silences::Find(std::string_view id) const { return impl_->Find(id); }
std::vector<Silence> Silences::List(Nanos now) const { return impl_->List(now); }
std::vector<std::string> Silences::Silencing(const Labels& labels, Nanos now) const {
  return impl_->Silencing(labels, now);
}
void Silences::Collect(Nanos now) { impl_->Collect(now); }

}  // namespace tocsin::alerting
