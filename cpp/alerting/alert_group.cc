// Layout (the notions of cpp/base/record.h):
//
//     group    u8 1 | next_look: signed | flags: u8, bit 0 looked_at
//     alert    u8 2 | labels: pairs | annotations: pairs | starts_at, ends_at, updated_at: signed |
//              generator_url: text

#include "cpp/alerting/alert_group.h"

#include <algorithm>

#include "cpp/base/quote.h"
#include "cpp/base/record.h"

namespace tocsin::alerting {
namespace {

constexpr uint8_t kGroup = 1;
constexpr uint8_t kAlert = 2;

}  // namespace

bool AlertGroup::MustWait() const {
  return std::ranges::any_of(
      deliveries, [](const auto& delivery) { return delivery->in_flight || delivery->restored; });
}

std::shared_ptr<Delivery> AlertGroup::DeliveryTo(size_t integration) const {
  const auto it = std::ranges::find(deliveries, integration, [](const auto& delivery) {
    return delivery->notification.integration;
  });
  return it == deliveries.end() ? nullptr : *it;
}

Labels GroupLabels(const routing::Route& route, const Labels& labels) {
  if (route.group_by_all) return labels;
  Labels group;
  for (const std::string& name : route.group_by) group.Set(name, labels.Get(name));
  return group;
}

std::string GroupKey(const routing::Route& route, const Labels& group_labels) {
  std::string key = route.key + ":{";
  bool first = true;
  for (const auto& [name, value] : group_labels) {
    if (!std::exchange(first, false)) key.append(", ");
    key.append(name).append("=").append(QuoteGo(value));
  }
  return key.append("}");
}

std::string GroupStateKey(const GroupId& id) {
  return std::string("group/").append(id.second).append("/").append(id.first);
}

std::string EncodeGroup(const SavedGroup& group) {
  const uint8_t flags = group.looked_at ? 1 : 0;
  return std::move(RecordWriter().Byte(kGroup).Signed(group.next_look).Byte(flags)).Take();
}

Result<SavedGroup> DecodeGroup(std::string_view bytes) {
  RecordReader reader(bytes);
  const bool known = reader.Byte() == kGroup;
  SavedGroup group;
  group.next_look = reader.Signed();
  group.looked_at = (reader.Byte() & 1U) != 0;
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
