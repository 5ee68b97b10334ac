// Layout (the notions of cpp/base/record.h):
//
//     group    u8 1 | next_look: signed | flags: u8, bit 0 looked_at, 1 unfinished
//     alert    u8 2 | labels: pairs | annotations: pairs | starts_at, ends_at, updated_at: signed |
//              generator_url: text

#include "cpp/alerting/alert_group.h"

#include <algorithm>

#include "cpp/base/record.h"
#include "cpp/template/go_format.h"

namespace tocsin::alerting {
namespace {

constexpr uint8_t kGroup = 1;
constexpr uint8_t kAlert = 2;
constexpr std::string_view kEverything = "...";
constexpr Nanos kBackoffFirst = kSecond / 2;

}  // namespace

bool AlertGroup::InFlight() const {
  return std::ranges::any_of(deliveries, [](const auto& delivery) { return delivery->in_flight; });
}

Labels GroupLabels(const Route& route, const Labels& labels) {
  Labels group;
  for (const std::string& name : route.group_by) {
    if (name == kEverything) return labels;
    group.Set(name, labels.Get(name));
  }
  return group;
}

std::string GroupKey(const Labels& group_labels) {
  std::string key = "{}:{";
  for (const auto& [name, value] : group_labels) {
    if (key.back() != '{') key.append(", ");
    key.append(name).append("=").append(tmpl::Quote(value));
  }
  return key.append("}");
}

Nanos Backoff(int attempts) {
  const int doublings = std::clamp(attempts - 1, 0, 7);
  return std::min(kBackoffFirst << doublings, kMinute);
}

std::string EncodeGroup(const SavedGroup& group) {
  const auto flags = static_cast<uint8_t>((group.looked_at ? 1 : 0) | (group.unfinished ? 2 : 0));
  return std::move(RecordWriter().Byte(kGroup).Signed(group.next_look).Byte(flags)).Take();
}

Result<SavedGroup> DecodeGroup(std::string_view bytes) {
  RecordReader reader(bytes);
  const bool known = reader.Byte() == kGroup;
  SavedGroup group;
  group.next_look = reader.Signed();
  const uint8_t flags = reader.Byte();
  group.looked_at = (flags & 1U) != 0;
  group.unfinished = (flags & 2U) != 0;
  if (!known || !reader.done()) return CorruptionError("a saved group cannot be read");
  return group;
}

std::string EncodeAlert(const Alert& alert) {
  RecordWriter writer;
  writer.Byte(kAlert).Pairs(alert.labels).Pairs(alert.annotations);
  writer.Signed(alert.starts_at).Signed(alert.ends_at).Signed(alert.updated_at);
  writer.Text(alert.generator_url);
  return std::move(writer).Take();
}

Result<Alert> DecodeAlert(std::string_view bytes) {
  RecordReader reader(bytes);
  const bool known = reader.Byte() == kAlert;
  Alert alert;
  alert.labels = Labels(reader.Pairs());
  alert.annotations = reader.Pairs();
  alert.starts_at = reader.Signed();
  alert.ends_at = reader.Signed();
  alert.updated_at = reader.Signed();
  alert.generator_url = reader.Text();
  if (!known || !reader.done()) return CorruptionError("a saved alert cannot be read");
  return alert;
}

}  // namespace tocsin::alerting
