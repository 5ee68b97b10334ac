// The exposition parser takes anything; what it accepts is a set of labels with a name.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "cpp/base/check.h"
#include "cpp/scrape/exposition.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using tocsin::scrape::Format;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const Format format : {Format::kText, Format::kOpenMetrics}) {
    const auto samples = tocsin::scrape::ParseExposition(text, format);
    if (!samples.has_value()) {
      TOCSIN_CHECK(samples.error().code() == tocsin::StatusCode::kInvalidArgument);
      continue;
    }
    for (const auto& sample : *samples) TOCSIN_CHECK(!sample.labels.metric_name().empty());
  }
  return 0;
}
