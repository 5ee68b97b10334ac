/// The layouts of Go's package time: how Mon Jan 2 15:04:05 -0700 2006 is to look. Private to this
/// folder.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tocsin::tmpl {

enum class LayoutPart : uint8_t {
  kLongMonth,
  kMonth,
  kLongWeekday,
  kWeekday,
  kZoneName,
  kZeroYearDay,
  kZeroMonth,
  kZeroDay,
  kZeroHour12,
  kZeroMinute,
  kZeroSecond,
  kLongYear,
  kUnderYearDay,
  kUnderDay,
  kHour,
  kNumMonth,
  kDay,
  kHour12,
  kMinute,
  kSecond,
  kUpperHalf,
  kLowerHalf,
  kZoneIso,
  kZoneNumeric,
  kYear,
};

struct LayoutToken {
  std::string_view text;
  LayoutPart part;
};

/// The token that the layout begins with, or null: then its first byte stands for itself.
const LayoutToken* FindToken(std::string_view layout);

/// The length of a fraction of a second (".000", ",999") that the layout begins with, or 0.
size_t FractionLength(std::string_view layout);

}  // namespace tocsin::tmpl
