// Any bytes at all as a record of the sample log: decoding must return, never crash, and what it
// accepts must survive another round trip.

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "cpp/base/check.h"
#include "storage/series/log_record.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tocsin;           // NOLINT(google-build-using-namespace): a test of one function.
  using namespace tocsin::storage;  // NOLINT(google-build-using-namespace)
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (size == 0) return 0;
  const uint8_t version = 1 + (data[0] % 2);
  const auto decoded = SampleLogDecoder(version).Decode(input.substr(1));
  // Behind lost records no more is given.
  SampleLogDecoder behind(version);
  behind.LoseRecords();
  const auto part = behind.Decode(input.substr(1));
  if (part.has_value() && decoded.has_value()) {
    TOCSIN_CHECK(part->tally() == decoded->tally());
  }
  if (!decoded.has_value() || decoded->deletion.has_value()) return 0;

  std::map<SeriesId, Labels> labels;
  for (const auto& [id, set] : decoded->definitions) {
    if (id > 1'000'000) return 0;  // The encoder keeps a table by id.
    labels[id] = set;
  }
  SampleLogEncoder encoder;
  const std::string again =
      encoder.Encode({decoded->samples, decoded->histograms, decoded->exemplars}, decoded->min_time,
                     [&](SeriesId id) { return labels.at(id); });
  const auto second = SampleLogDecoder().Decode(again);
  TOCSIN_CHECK(second.has_value());
  TOCSIN_CHECK(second->samples.size() == decoded->samples.size());
  TOCSIN_CHECK(second->histograms.size() == decoded->histograms.size());
  TOCSIN_CHECK(second->exemplars.size() == decoded->exemplars.size());
  for (size_t i = 0; i < decoded->samples.size(); ++i) {
    TOCSIN_CHECK(second->samples[i].series == decoded->samples[i].series);
    TOCSIN_CHECK(second->samples[i].sample.t == decoded->samples[i].sample.t);
  }
  return 0;
}
