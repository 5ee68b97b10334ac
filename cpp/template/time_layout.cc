#include "cpp/template/time_layout.h"

#include <array>

namespace tocsin::tmpl {
namespace {

// Where one is the beginning of another, the longer stands first.
constexpr std::array kTokens{
    LayoutToken{"January", LayoutPart::kLongMonth},
    LayoutToken{"Jan", LayoutPart::kMonth},
    LayoutToken{"Monday", LayoutPart::kLongWeekday},
    LayoutToken{"Mon", LayoutPart::kWeekday},
    LayoutToken{"MST", LayoutPart::kZoneName},
    LayoutToken{"002", LayoutPart::kZeroYearDay},
    LayoutToken{"01", LayoutPart::kZeroMonth},
    LayoutToken{"02", LayoutPart::kZeroDay},
    LayoutToken{"03", LayoutPart::kZeroHour12},
    LayoutToken{"04", LayoutPart::kZeroMinute},
    LayoutToken{"05", LayoutPart::kZeroSecond},
    LayoutToken{"06", LayoutPart::kYear},
    LayoutToken{"2006", LayoutPart::kLongYear},
    LayoutToken{"__2", LayoutPart::kUnderYearDay},
    LayoutToken{"_2", LayoutPart::kUnderDay},
    LayoutToken{"15", LayoutPart::kHour},
    LayoutToken{"1", LayoutPart::kNumMonth},
    LayoutToken{"2", LayoutPart::kDay},
    LayoutToken{"3", LayoutPart::kHour12},
    LayoutToken{"4", LayoutPart::kMinute},
    LayoutToken{"5", LayoutPart::kSecond},
    LayoutToken{"PM", LayoutPart::kUpperHalf},
    LayoutToken{"pm", LayoutPart::kLowerHalf},
    LayoutToken{"Z07:00:00", LayoutPart::kZoneIso},
    LayoutToken{"Z070000", LayoutPart::kZoneIso},
    LayoutToken{"Z07:00", LayoutPart::kZoneIso},
    LayoutToken{"Z0700", LayoutPart::kZoneIso},
    LayoutToken{"Z07", LayoutPart::kZoneIso},
    LayoutToken{"-07:00:00", LayoutPart::kZoneNumeric},
    LayoutToken{"-070000", LayoutPart::kZoneNumeric},
    LayoutToken{"-07:00", LayoutPart::kZoneNumeric},
    LayoutToken{"-0700", LayoutPart::kZoneNumeric},
    LayoutToken{"-07", LayoutPart::kZoneNumeric},
};

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

const LayoutToken* FindToken(std::string_view layout) {
  for (const LayoutToken& token : kTokens) {
    if (!layout.starts_with(token.text)) continue;
    // "Jan" in "Janet" is a name, not a month.
    const bool is_word = token.part == LayoutPart::kMonth || token.part == LayoutPart::kWeekday;
    if (is_word && layout.size() > 3 && IsLower(layout[3])) continue;
    // "_2006" is an underscore and a year, not a day.
    if (token.part == LayoutPart::kUnderDay && layout.starts_with("_2006")) continue;
    return &token;
  }
  return nullptr;
}

size_t FractionLength(std::string_view layout) {
  if (layout.size() < 2 || (layout[0] != '.' && layout[0] != ',')) return 0;
  const char digit = layout[1];
  if (digit != '0' && digit != '9') return 0;
  size_t end = 1;
  while (end < layout.size() && layout[end] == digit) ++end;
  return end < layout.size() && IsDigit(layout[end]) ? 0 : end;
}

}  // namespace tocsin::tmpl
