/// The bytes in which the states of rules outlive the process. Private to this folder.

#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/labels.h"
#include "cpp/rules/alerting_rule.h"

namespace tocsin::rules {

std::string EncodeAlerts(std::span<const ActiveAlert> alerts);
/// kCorruption for bytes that EncodeAlerts did not write.
Result<std::vector<ActiveAlert>> DecodeAlerts(std::string_view bytes);

/// The series that a recording rule had at its last evaluation.
std::string EncodeSeries(std::span<const Labels> series);
Result<std::vector<Labels>> DecodeSeries(std::string_view bytes);

/// When a group was last evaluated.
std::string EncodeTime(Nanos time);
Result<Nanos> DecodeTime(std::string_view bytes);

}  // namespace tocsin::rules
