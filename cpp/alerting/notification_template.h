/// Templates of notifications: URLs, payloads and labels of routes, with the data and functions
/// that Alertmanager gives them. Private to this folder.
///
/// Data: .Receiver, .Status, .Alerts (.Firing, .Resolved; each with .Status .Labels .Annotations
/// .StartsAt .EndsAt .GeneratorURL .Fingerprint), .NotificationReason, .GroupLabels, .CommonLabels,
/// .CommonAnnotations, .RouteLabels, .ExternalURL; label sets have .SortedPairs, .Names, .Values
/// and .Remove.

#pragma once

#include <span>
#include <string>
#include <string_view>

#include "cpp/alerting/webhook_payload.h"
#include "cpp/base/status.h"
#include "cpp/model/labels.h"
#include "cpp/template/template.h"

namespace tocsin::alerting {

/// What template files define. Immutable, cheap to copy, thread-safe.
class NotificationTemplates {
 public:
  /// Reads files, given by name or pattern (which may match none), the later ones overriding the
  /// definitions of the earlier, and all those of the templates that Alertmanager brings along.
  /// kNotFound, or kInvalidArgument: "FILE: line 3, column 5: ...".
  static Result<NotificationTemplates> Load(std::span<const std::string> files);

  /// Whether a text can be read: kInvalidArgument with the position.
  Status Check(std::string_view text) const;
  Result<std::string> Expand(std::string_view text, const GroupMessage& message) const;

  /// The same for a payload, which is JSON: in every string of it, keys too, templates are
  /// expanded; what then reads as YAML that is no string becomes that value. Answers JSON and a
  /// line feed.
  Status CheckPayload(std::string_view payload) const;
  Result<std::string> ExpandPayload(std::string_view payload, const GroupMessage& message) const;

  /// The labels of a route, of which each value is a template that may name the others with
  /// `routeLabels`. One that fails is left out and logged.
  Labels RouteLabels(const Labels& raw, const GroupMessage& message) const;

 private:
  explicit NotificationTemplates(tmpl::Template library) : library_(std::move(library)) {}
  tmpl::Template library_;  ///< Only its definitions count.
};

}  // namespace tocsin::alerting
