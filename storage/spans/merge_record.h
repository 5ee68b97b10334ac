/// The record that makes a merge: written in one batch with the segment that has the rows of
/// others, it hides those until their values are removed. storage/FORMAT.md, "Merge record".

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/status.h"

namespace tocsin::storage {

struct Merged {
  uint64_t by = 0;                 ///< The segment that has the rows.
  std::vector<uint64_t> replaced;  ///< Of the same volume.
};

std::string MergedKey(uint64_t by);
std::string EncodeMerged(const std::vector<uint64_t>& replaced);
Result<Merged> DecodeMerged(std::string_view key, std::string_view frame);

}  // namespace tocsin::storage
