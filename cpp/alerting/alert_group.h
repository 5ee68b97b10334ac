/// Alerts, the groups in which they are told of, and the bytes in which both outlive the process.
/// Private to this folder.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "cpp/alerting/outbox.h"
#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/model/alert.h"
#include "cpp/model/labels.h"
#include "cpp/routing/config.h"

namespace tocsin::alerting {

/// An alert that at least one group holds.
struct StoredAlert {
  Alert alert;
  uint64_t fingerprint = 0;
  size_t groups = 0;        ///< That hold it.
  Nanos received_at = 0;    ///< When it was last heard of, which may be after updated_at.
  bool looked_at = false;   ///< By any of them.
  bool suppressed = false;  ///< Silenced, inhibited or muted at the last look.
};

/// What names a group: its key, and the receiver that is told of it.
using GroupId = std::pair<std::string, std::string>;

struct AlertGroup {
  GroupId id;
  uint64_t serial = 0;  ///< Of two that are due at once the older comes first.
  const routing::Route* route = nullptr;
  const routing::Receiver* receiver = nullptr;
  Labels labels;
  std::unordered_set<StoredAlert*> alerts;
  Nanos next_look = 0;  ///< By the group's interval.
  Nanos last_look = 0;
  Nanos repeat_at = 0;         ///< A look for the sake of an exact repeat; 0: none.
  Nanos agenda_at = 0;         ///< As which it stands in the agenda of looks; 0: it does not.
  bool looked_at = false;      ///< It is not new any more.
  std::string silent_because;  ///< Of the last look.
  /// What is not delivered yet: at most one for each integration.
  std::vector<std::shared_ptr<Delivery>> deliveries;

  /// A look waits for what is in flight, so that a receiver hears things in order, and for what the
  /// last process left.
  bool MustWait() const;
  std::shared_ptr<Delivery> DeliveryTo(size_t integration) const;
};

/// The labels by which a route groups an alert.
Labels GroupLabels(const routing::Route& route, const Labels& labels);

/// `{}:{alertname="X"}`, as Alertmanager names a group.
std::string GroupKey(const routing::Route& route, const Labels& group_labels);

/// What is kept of a group besides its alerts.
struct SavedGroup {
  Nanos next_look = 0;
  bool looked_at = false;
};

/// Its key in the state store.
std::string GroupStateKey(const GroupId& id);
std::string EncodeGroup(const SavedGroup& group);
Result<SavedGroup> DecodeGroup(std::string_view bytes);
std::string EncodeAlert(const Alert& alert);
Result<Alert> DecodeAlert(std::string_view bytes);

}  // namespace tocsin::alerting
