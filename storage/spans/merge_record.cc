#include "storage/spans/merge_record.h"

#include "cpp/base/coding.h"
#include "cpp/model/ids.h"
#include "storage/columnar/byte_reader.h"
#include "storage/columnar/frame.h"

namespace tocsin::storage {

std::string MergedKey(uint64_t by) { return "m" + SpanIdToBytes(by); }

std::string EncodeMerged(const std::vector<uint64_t>& replaced) {
  std::string body;
  PutVarint64(&body, replaced.size());
  for (const uint64_t number : replaced) PutVarint64(&body, number);
  return SealFrame(body, Compression::kNone);
}

Result<Merged> DecodeMerged(std::string_view key, std::string_view frame) {
  if (key.size() != MergedKey(0).size()) return CorruptionError("merge record: not its key");
  TOCSIN_ASSIGN_OR_RETURN(const std::string body, OpenFrame(frame));
  ByteReader in(body);
  Merged merged;
  merged.by = SpanIdFromBytes(key.data() + 1);
  merged.replaced.resize(in.Count(in.remaining()));
  for (uint64_t& number : merged.replaced) number = in.Varint();
  TOCSIN_RETURN_IF_ERROR(in.Finish("merge record"));
  return merged;
}

}  // namespace tocsin::storage
