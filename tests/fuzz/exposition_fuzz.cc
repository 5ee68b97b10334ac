// The readers of expositions take anything; what they accept is a set of labels with a name, and
// what the strict check accepts they accept too.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "cpp/base/check.h"
#include "cpp/scrape/exposition.h"
#include "cpp/scrape/openmetrics_check.h"

namespace {

using tocsin::scrape::ExpositionReader;
using tocsin::scrape::Format;

bool Accepted(std::string_view text, Format format, const tocsin::scrape::ReaderOptions& options) {
  const std::unique_ptr<ExpositionReader> reader = ReadExposition(text, format, options);
  while (true) {
    const auto item = reader->Next();
    if (!item.has_value()) {
      TOCSIN_CHECK(item.error().code() == tocsin::StatusCode::kInvalidArgument);
      return false;
    }
    if (*item == ExpositionReader::Item::kEnd) return true;
    if (*item != ExpositionReader::Item::kSample) continue;
    TOCSIN_CHECK(!reader->sample().series.empty());
    const auto labels = reader->ReadLabels();
    if (!labels.has_value()) {
      TOCSIN_CHECK(labels.error().code() == tocsin::StatusCode::kInvalidArgument);
      return false;
    }
    TOCSIN_CHECK(labels->front().first == tocsin::kMetricName && !labels->front().second.empty());
    const auto& histogram = reader->sample().histogram;
    TOCSIN_CHECK(histogram == nullptr || tocsin::ValidateHistogram(*histogram).ok());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const Format format : {Format::kText, Format::kOpenMetrics, Format::kProtobuf}) {
    const bool accepted = Accepted(text, format, {});
    Accepted(text, format,
             {.native_histograms = true, .classic_histograms = true, .convert_classic = true});
    if (format == Format::kOpenMetrics && tocsin::scrape::CheckOpenMetrics(text).ok()) {
      TOCSIN_CHECK(accepted);
    }
  }
  return 0;
}
