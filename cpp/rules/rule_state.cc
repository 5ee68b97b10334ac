// Layout (varint: LEB128; signed: zigzag varint; text: varint length and bytes; pairs: varint
// count, then name and value as texts):
//
//     alerts    u8 1 | varint count | count x alert
//     alert     labels: pairs | annotations: pairs | value: varint of the float64's bits |
//               state: u8 | active_at: signed | valid_until: signed |
//               times: u8, bit 0 fired_at, 1 resolved_at, 2 keep_firing_since | each: signed
//     series    u8 2 | varint count | count x pairs
//     time      u8 3 | signed

#include "cpp/rules/rule_state.h"

#include <array>
#include <bit>
#include <optional>
#include <utility>

#include "cpp/base/coding.h"

namespace tocsin::rules {
namespace {

constexpr char kAlerts = 1;
constexpr char kSeries = 2;
constexpr char kTime = 3;

using Pairs = std::vector<std::pair<std::string, std::string>>;

void PutSigned(std::string* out, int64_t value) { PutVarint64(out, ZigZag(value)); }

void PutText(std::string* out, std::string_view text) {
  PutVarint64(out, text.size());
  out->append(text);
}

template <class AnyPairs>
void PutPairs(std::string* out, const AnyPairs& pairs) {
  PutVarint64(out, pairs.size());
  for (const auto& [name, value] : pairs) {
    PutText(out, name);
    PutText(out, value);
  }
}

/// Takes values off the front. After one failure all further values are empty and ok() is false.
class Taker {
 public:
  explicit Taker(std::string_view bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  bool done() const { return ok_ && rest_.empty(); }

  uint8_t Byte() {
    if (rest_.empty()) return Fail();
    const auto byte = static_cast<uint8_t>(rest_[0]);
    rest_.remove_prefix(1);
    return byte;
  }
  uint64_t Varint() {
    const std::optional<uint64_t> value = GetVarint64(&rest_);
    if (!value) return Fail();
    return *value;
  }
  int64_t Signed() { return UnZigZag(Varint()); }
  std::string Text() {
    const uint64_t size = Varint();
    if (size > rest_.size()) Fail();
    if (!ok_) return {};
    std::string text(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return text;
  }
  /// A number of things of which each takes at least a byte.
  uint64_t Count() {
    const uint64_t count = Varint();
    return count > rest_.size() ? Fail() : count;
  }
  Pairs ReadPairs() {
    Pairs pairs;
    for (uint64_t left = Count(); left > 0 && ok_; --left) {
      std::string name = Text();
      pairs.emplace_back(std::move(name), Text());
    }
    return pairs;
  }

 private:
  uint8_t Fail() {
    ok_ = false;
    rest_ = {};
    return 0;
  }

  std::string_view rest_;
  bool ok_ = true;
};

ActiveAlert TakeAlert(Taker* taker) {
  ActiveAlert alert;
  alert.labels = Labels(taker->ReadPairs());
  alert.annotations = taker->ReadPairs();
  alert.value = std::bit_cast<double>(taker->Varint());
  alert.state = static_cast<AlertState>(taker->Byte());
  alert.active_at = taker->Signed();
  alert.valid_until = taker->Signed();
  const uint8_t times = taker->Byte();
  if ((times & 1U) != 0) alert.fired_at = taker->Signed();
  if ((times & 2U) != 0) alert.resolved_at = taker->Signed();
  if ((times & 4U) != 0) alert.keep_firing_since = taker->Signed();
  return alert;
}

/// What the state machine relies on.
bool IsConsistent(const ActiveAlert& alert) {
  switch (alert.state) {
    case AlertState::kInactive:
      return alert.resolved_at.has_value();
    case AlertState::kPending:
      return !alert.resolved_at;
    case AlertState::kFiring:
      return alert.fired_at && !alert.resolved_at;
  }
  return false;
}

Failure Damaged(std::string_view what) {
  return CorruptionError("the saved " + std::string(what) + " of a rule cannot be read");
}

}  // namespace

std::string EncodeAlerts(std::span<const ActiveAlert> alerts) {
  std::string out(1, kAlerts);
  PutVarint64(&out, alerts.size());
  for (const ActiveAlert& alert : alerts) {
    PutPairs(&out, alert.labels);
    PutPairs(&out, alert.annotations);
    PutVarint64(&out, std::bit_cast<uint64_t>(alert.value));
    out.push_back(static_cast<char>(alert.state));
    PutSigned(&out, alert.active_at);
    PutSigned(&out, alert.valid_until);
    const std::array times{alert.fired_at, alert.resolved_at, alert.keep_firing_since};
    uint32_t present = 0;
    for (size_t i = 0; i < times.size(); ++i) present |= (times[i] ? 1U : 0U) << i;
    out.push_back(static_cast<char>(present));
    for (const std::optional<Nanos>& time : times) {
      if (time) PutSigned(&out, *time);
    }
  }
  return out;
}

Result<std::vector<ActiveAlert>> DecodeAlerts(std::string_view bytes) {
  Taker taker(bytes);
  if (taker.Byte() != kAlerts) return Damaged("alerts");
  std::vector<ActiveAlert> alerts;
  for (uint64_t left = taker.Count(); left > 0 && taker.ok(); --left) {
    alerts.push_back(TakeAlert(&taker));
    if (taker.ok() && !IsConsistent(alerts.back())) return Damaged("alerts");
  }
  if (!taker.done()) return Damaged("alerts");
  return alerts;
}

std::string EncodeSeries(std::span<const Labels> series) {
  std::string out(1, kSeries);
  PutVarint64(&out, series.size());
  for (const Labels& labels : series) PutPairs(&out, labels);
  return out;
}

Result<std::vector<Labels>> DecodeSeries(std::string_view bytes) {
  Taker taker(bytes);
  if (taker.Byte() != kSeries) return Damaged("series");
  std::vector<Labels> series;
  for (uint64_t left = taker.Count(); left > 0 && taker.ok(); --left) {
    series.emplace_back(taker.ReadPairs());
  }
  if (!taker.done()) return Damaged("series");
  return series;
}

std::string EncodeTime(Nanos time) {
  std::string out(1, kTime);
  PutSigned(&out, time);
  return out;
}

Result<Nanos> DecodeTime(std::string_view bytes) {
  Taker taker(bytes);
  const bool known = taker.Byte() == kTime;
  const Nanos time = taker.Signed();
  if (!known || !taker.done()) return Damaged("time");
  return time;
}

}  // namespace tocsin::rules
