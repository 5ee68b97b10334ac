// Any bytes as a batch of the live log, with and without a right checksum: an error, or a batch
// that is safe to use in every field and encodes to a batch that means the same.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "cpp/base/check.h"
#include "cpp/model/span_batch_builder.h"
#include "storage/columnar/batch_codec.h"
#include "storage/columnar/frame.h"

namespace tocsin::storage {
namespace {

// Follows every index there is: a wrong one is caught by the sanitizers.
void Use(const SpanBatch& batch) {
  SpanBatchBuilder builder;
  for (uint32_t row = 0; row < batch.rows(); ++row) builder.CopyRow(batch, row);
  const SpanBatch copy = std::move(builder).Finish();
  TOCSIN_CHECK(copy.rows() == batch.rows());
}

void Try(std::string_view bytes) {
  const auto batch = DecodeBatch(bytes);
  if (!batch) return;
  Use(*batch);
  const auto again = DecodeBatch(EncodeBatch(*batch));
  TOCSIN_CHECK(again.has_value());
  TOCSIN_CHECK(EncodeBatch(*again) == EncodeBatch(*batch));
}

}  // namespace
}  // namespace tocsin::storage

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tocsin::storage;  // NOLINT(google-build-using-namespace): a C function.
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Try(bytes);
  Try(SealFrame(bytes, Compression::kNone));
  return 0;
}
