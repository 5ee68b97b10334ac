/// Keys and values of sample blocks in a volume. Byte layout: storage/FORMAT.md, "Sample blocks".

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/labels.h"
#include "storage/series/chunk.h"
#include "storage/series/label_index.h"

namespace tocsin::storage {

/// The first byte of a key.
enum class BlockKey : char {
  kFooter = 'F',
  kGroup = 'G',
  kFooterOfVersion1 = 'B',
  kSeriesOfVersion1 = 'S',
};

/// Series whose chunks are one value: few enough that one of them is read cheaply, enough that they
/// compress well and that a scan reads large values.
inline constexpr size_t kGroupSeries = 64;

std::string FooterKey(Millis start, uint64_t number);
std::string FooterKeyOfVersion1(Millis start);
std::string GroupKey(Millis start, uint64_t number, uint32_t group);
std::string SeriesKeyOfVersion1(Millis start, SeriesId id);

/// The start and number in a footer's key, of either version; the number of version 1 is 0.
struct BlockName {
  Millis start = 0;
  uint64_t number = 0;
};
std::optional<BlockName> ParseFooterKey(std::string_view key);

/// The chunks of one series in a block.
struct BlockSeries {
  SeriesId id = kNoSeries;
  std::vector<ChunkRef> chunks;  ///< Not empty; oldest first.
};

/// The value of a group, without its frame.
std::string EncodeGroup(std::span<const BlockSeries> series);
/// The series of a group and the bytes of their chunks, which DecodeGroupSeries takes; views into
/// `body`.
Result<std::vector<std::pair<SeriesId, std::string_view>>> ParseGroup(std::string_view body);
Result<std::vector<ChunkRef>> DecodeGroupSeries(std::string_view bytes);

/// What a footer says beside the series.
struct BlockTotals {
  uint32_t level = 1;  ///< 2: of samples that came after the first block of that time.
  uint64_t samples = 0;
  uint64_t chunks = 0;
};

/// Builds a footer's value, without its frame.
class FooterBuilder {
 public:
  /// In the order of the groups. `labels`: null if an earlier footer of the volume has them.
  void Add(SeriesId id, const Labels* labels);
  /// Labels of a series that the block does not have, for later footers of the volume.
  void Define(SeriesId id, const Labels& labels);
  std::string Finish(const BlockTotals& totals) const;

 private:
  uint64_t series_ = 0;
  SeriesId last_ = 0;
  std::string entries_;
  uint64_t definitions_ = 0;
  std::string definition_entries_;
};

struct Footer {
  BlockTotals totals;
  std::vector<SeriesId> series;  ///< In the order of the groups; of version 1: ascending.
};
using SeriesDefinition = std::function<void(SeriesId, const Labels&)>;
/// Tells the labels in the footer to `define`, also those before the damage in a damaged one.
Result<Footer> ParseFooter(BlockKey version, std::string_view body, const SeriesDefinition& define);

}  // namespace tocsin::storage
