#include "cpp/scrape/exposition.h"

#include <utility>

#include "cpp/http/content.h"
#include "cpp/scrape/classic_converter.h"
#include "cpp/scrape/protobuf_reader.h"
#include "cpp/scrape/text_reader.h"

namespace tocsin::scrape {
namespace {

std::optional<Format> FormatNamed(std::string_view media_type) {
  if (media_type == "application/openmetrics-text") return Format::kOpenMetrics;
  if (media_type == "application/vnd.google.protobuf") return Format::kProtobuf;
  if (media_type == "text/plain") return Format::kText;
  return std::nullopt;
}

}  // namespace

Result<Format> FormatOf(std::string_view content_type, std::string_view fallback) {
  const std::optional<Format> named = FormatNamed(http::MediaType(content_type));
  if (named.has_value()) return *named;
  const std::optional<Format> otherwise = FormatNamed(fallback);
  if (otherwise.has_value()) return *otherwise;
  if (content_type.empty()) {
    return UnsupportedError(
        "non-compliant scrape target sending blank Content-Type and no fallback_scrape_protocol "
        "specified for target");
  }
  return UnsupportedError("received unsupported Content-Type \"" + std::string(content_type) +
                          "\" and no fallback_scrape_protocol specified for target");
}

std::unique_ptr<ExpositionReader> ReadExposition(std::string_view body, Format format,
                                                 const ReaderOptions& options) {
  if (format == Format::kProtobuf) return std::make_unique<ProtobufReader>(body, options);
  auto text = std::make_unique<TextReader>(body, format);
  if (!options.convert_classic) return text;
  return std::make_unique<ClassicConverter>(std::move(text), options.classic_histograms);
}

}  // namespace tocsin::scrape
