#include "cpp/lib/json_float.h"

#include <cmath>

namespace tocsin::lib {

void WriteFloat(double value, JsonWriter* w) {
  if (std::isfinite(value)) {
    w->Double(value);
  } else if (std::isnan(value)) {
    w->String("NaN");
  } else {
    w->String(value > 0 ? "Infinity" : "-Infinity");
  }
}

}  // namespace tocsin::lib
