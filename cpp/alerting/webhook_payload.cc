// {"receiver", "status", "alerts": [{"status", "labels", "annotations", "startsAt", "endsAt",
// "generatorURL", "fingerprint"}], "notification_reason", "groupLabels", "commonLabels",
// "commonAnnotations", "routeLabels", "externalURL", "version", "groupKey", "truncatedAlerts"} and
// a line feed; texts escaped as encoding/json of Go escapes them. Alertmanager 0.25 had
// neither: notification_reason came with 0.32, routeLabels with 0.34.

#include "cpp/alerting/webhook_payload.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "cpp/base/rfc3339.h"

namespace tocsin::alerting {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

/// The length of a valid UTF-8 sequence at the front, or 0.
size_t SequenceLength(std::string_view text) {
  const auto byte = [text](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  const size_t size = lead < 0x80 ? 1 : (lead < 0xe0 ? 2 : (lead < 0xf0 ? 3 : 4));
  if ((lead >= 0x80 && lead < 0xc2) || lead > 0xf4 || text.size() < size) return 0;
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0U) != 0x80) return 0;
  }
  if (lead == 0xe0 && byte(1) < 0xa0) return 0;  // Overlong.
  if (lead == 0xed && byte(1) > 0x9f) return 0;  // A surrogate.
  if (lead == 0xf0 && byte(1) < 0x90) return 0;  // Overlong.
  if (lead == 0xf4 && byte(1) > 0x8f) return 0;  // Beyond U+10FFFF.
  return size;
}

void AppendMember(std::string* out, std::string_view key, std::string_view value) {
  AppendJsonText(out, key);
  out->push_back(':');
  AppendJsonText(out, value);
}

template <class AnyPairs>
void AppendMap(std::string* out, std::string_view key, const AnyPairs& pairs) {
  AppendJsonText(out, key);
  out->append(":{");
  bool first = true;
  for (const auto& [name, value] : pairs) {
    if (!std::exchange(first, false)) out->push_back(',');
    AppendMember(out, name, value);
  }
  out->push_back('}');
}

void AppendAlert(std::string* out, const Alert& alert, Nanos now) {
  const bool resolved = alert.ResolvedAt(now);
  out->push_back('{');
  AppendMember(out, "status", resolved ? "resolved" : "firing");
  out->push_back(',');
  AppendMap(out, "labels", alert.labels);
  out->push_back(',');
  AppendMap(out, "annotations", alert.annotations);
  out->push_back(',');
  AppendMember(out, "startsAt", FormatRfc3339(alert.starts_at));
  out->push_back(',');
  AppendMember(out, "endsAt", FormatRfc3339(resolved ? alert.ends_at : 0));
  out->push_back(',');
  AppendMember(out, "generatorURL", alert.generator_url);
  out->push_back(',');
  AppendMember(out, "fingerprint", FingerprintText(Fingerprint(alert.labels)));
  out->push_back('}');
}

template <class Member>
StringPairs Common(const std::vector<Alert>& alerts, Member member) {
  const auto& first = alerts.front().*member;
  StringPairs common(first.begin(), first.end());
  for (const Alert& alert : alerts) {
    const auto& own = alert.*member;
    std::erase_if(common, [&own](const auto& pair) {
      return std::find(own.begin(), own.end(), pair) == own.end();
    });
  }
  return common;
}

/// The value of a label; unlike Get, tells a label that is not there.
std::optional<std::string_view> Find(const Labels& labels, std::string_view name) {
  if (!labels.Has(name)) return std::nullopt;
  return labels.Get(name);
}

bool ComesBefore(const Labels& a, const Labels& b) {
  for (const std::string_view name : {"job", "instance"}) {
    const auto left = Find(a, name);
    const auto right = Find(b, name);
    if (left == right) continue;
    if (!left || !right) return left.has_value();
    return *left < *right;
  }
  if (a.size() != b.size()) return a.size() < b.size();
  // The first difference in the order of names decides: who lacks the name comes first.
  const auto [left, right] = std::ranges::mismatch(a, b);
  if (left == a.end()) return false;
  if (left->first != right->first) return left->first > right->first;
  return left->second < right->second;
}

}  // namespace

void AppendJsonText(std::string* out, std::string_view text) {
  out->push_back('"');
  while (!text.empty()) {
    const size_t size = SequenceLength(text);
    const std::string_view sequence = text.substr(0, std::max<size_t>(size, 1));
    const auto byte = static_cast<uint8_t>(sequence[0]);
    text.remove_prefix(sequence.size());
    if (size == 0) {
      out->append("\\ufffd");
    } else if (sequence == "\xe2\x80\xa8" || sequence == "\xe2\x80\xa9") {
      out->append("\\u202").push_back(kHex[static_cast<uint8_t>(sequence[2]) & 0xf]);
    } else if (sequence == "\"" || sequence == "\\") {
      out->append("\\").append(sequence);
    } else if (sequence == "\n") {
      out->append("\\n");
    } else if (sequence == "\r") {
      out->append("\\r");
    } else if (sequence == "\t") {
      out->append("\\t");
    } else if (byte < 0x20 || sequence == "<" || sequence == ">" || sequence == "&") {
      out->append("\\u00").append({kHex[byte >> 4], kHex[byte & 0xf]});
    } else {
      out->append(sequence);
    }
  }
  out->push_back('"');
}

void SortAlerts(std::vector<Alert>* alerts) {
  std::ranges::stable_sort(*alerts, ComesBefore, &Alert::labels);
}

std::string_view StatusOf(const GroupMessage& message) {
  const bool firing = std::ranges::any_of(
      message.alerts, [&](const Alert& alert) { return !alert.ResolvedAt(message.now); });
  return firing ? "firing" : "resolved";
}

std::string ReceiverText(const GroupMessage& message) {
  constexpr std::string_view kSpecial = "\\.+*?()|[]{}^$";
  std::string out;
  for (const char c : message.receiver) {
    if (kSpecial.find(c) != std::string_view::npos) out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

StringPairs CommonLabels(const GroupMessage& message) {
  return Common(message.alerts, &Alert::labels);
}

StringPairs CommonAnnotations(const GroupMessage& message) {
  return Common(message.alerts, &Alert::annotations);
}

std::string FingerprintText(uint64_t fingerprint) {
  std::string text;
  for (int shift = 60; shift >= 0; shift -= 4) text.push_back(kHex[(fingerprint >> shift) & 0xf]);
  return text;
}

std::string WebhookPayload(const GroupMessage& message) {
  std::string out = "{";
  AppendMember(&out, "receiver", ReceiverText(message));
  out.push_back(',');
  AppendMember(&out, "status", StatusOf(message));
  out.append(",\"alerts\":[");
  for (size_t i = 0; i < message.alerts.size(); ++i) {
    if (i > 0) out.push_back(',');
    AppendAlert(&out, message.alerts[i], message.now);
  }
  out.append("],");
  AppendMember(&out, "notification_reason", message.reason);
  out.push_back(',');
  AppendMap(&out, "groupLabels", message.group_labels);
  out.push_back(',');
  AppendMap(&out, "commonLabels", CommonLabels(message));
  out.push_back(',');
  AppendMap(&out, "commonAnnotations", CommonAnnotations(message));
  out.push_back(',');
  AppendMap(&out, "routeLabels", message.route_labels);
  out.push_back(',');
  AppendMember(&out, "externalURL", message.external_url);
  out.append(",\"version\":\"4\",");
  AppendMember(&out, "groupKey", message.group_key);
  out.append(",\"truncatedAlerts\":").append(std::to_string(message.truncated));
  return out.append("}\n");
}

}  // namespace tocsin::alerting
