// Layout (varint: LEB128; signed: zigzag varint; text: varint length and bytes; pairs: varint
// count, then name and value as texts):
//
//     alerts    u8 4 | varint count | count x alert
//     alert     labels: pairs | annotations: pairs | value: varint of the float64's bits |
//               state: u8 | active_at: signed | valid_until: signed |
//               times: u8, bit 0 fired_at, 1 resolved_at, 2 keep_firing_since | each: signed |
//               traces: varint count, each: text
//     series    u8 2 | varint count | count x pairs
//     time      u8 3 | signed

#include "cpp/rules/rule_state.h"

#include <array>
#include <bit>
#include <optional>
#include <utility>

#include "cpp/base/record.h"

namespace tocsin::rules {
namespace {

constexpr char kAlerts = 4;
constexpr char kSeries = 2;
constexpr char kTime = 3;

ActiveAlert TakeAlert(RecordReader* reader) {
  ActiveAlert alert;
  alert.labels = Labels(reader->Pairs());
  alert.annotations = reader->Pairs();
  alert.value = std::bit_cast<double>(reader->Varint());
  alert.state = static_cast<AlertState>(reader->Byte());
  alert.active_at = reader->Signed();
  alert.valid_until = reader->Signed();
  const uint8_t times = reader->Byte();
  if ((times & 1U) != 0) alert.fired_at = reader->Signed();
  if ((times & 2U) != 0) alert.resolved_at = reader->Signed();
  if ((times & 4U) != 0) alert.keep_firing_since = reader->Signed();
  for (uint64_t left = reader->Count(); left > 0 && reader->ok(); --left) {
    alert.traces.push_back(reader->Text());
  }
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
  RecordWriter writer;
  writer.Byte(kAlerts).Varint(alerts.size());
  for (const ActiveAlert& alert : alerts) {
    writer.Pairs(alert.labels).Pairs(alert.annotations);
    writer.Varint(std::bit_cast<uint64_t>(alert.value));
    writer.Byte(static_cast<uint8_t>(alert.state));
    writer.Signed(alert.active_at).Signed(alert.valid_until);
    const std::array times{alert.fired_at, alert.resolved_at, alert.keep_firing_since};
    uint32_t present = 0;
    for (size_t i = 0; i < times.size(); ++i) present |= (times[i] ? 1U : 0U) << i;
    writer.Byte(static_cast<uint8_t>(present));
    for (const std::optional<Nanos>& time : times) {
      if (time) writer.Signed(*time);
    }
    writer.Varint(alert.traces.size());
    for (const std::string& id : alert.traces) writer.Text(id);
  }
  return std::move(writer).Take();
}

Result<std::vector<ActiveAlert>> DecodeAlerts(std::string_view bytes) {
  RecordReader reader(bytes);
  if (reader.Byte() != kAlerts) return Damaged("alerts");
  std::vector<ActiveAlert> alerts;
  for (uint64_t left = reader.Count(); left > 0 && reader.ok(); --left) {
    alerts.push_back(TakeAlert(&reader));
    if (reader.ok() && !IsConsistent(alerts.back())) return Damaged("alerts");
  }
  if (!reader.done()) return Damaged("alerts");
  return alerts;
}

std::string EncodeSeries(std::span<const Labels> series) {
  RecordWriter writer;
  writer.Byte(kSeries).Varint(series.size());
  for (const Labels& labels : series) writer.Pairs(labels);
  return std::move(writer).Take();
}

Result<std::vector<Labels>> DecodeSeries(std::string_view bytes) {
  RecordReader reader(bytes);
  if (reader.Byte() != kSeries) return Damaged("series");
  std::vector<Labels> series;
  for (uint64_t left = reader.Count(); left > 0 && reader.ok(); --left) {
    series.emplace_back(reader.Pairs());
  }
  if (!reader.done()) return Damaged("series");
  return series;
}

std::string EncodeTime(Nanos time) {
  return std::move(RecordWriter().Byte(kTime).Signed(time)).Take();
}

Result<Nanos> DecodeTime(std::string_view bytes) {
  RecordReader reader(bytes);
  const bool known = reader.Byte() == kTime;
  const Nanos time = reader.Signed();
  if (!known || !reader.done()) return Damaged("time");
  return time;
}

}  // namespace tocsin::rules
