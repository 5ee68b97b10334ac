/// The chunks of one series and its labels as bytes, as blocks and snapshots hold them. Byte
/// layout: storage/FORMAT.md, "Sample blocks".

#pragma once

#include <span>
#include <string>
#include <vector>

#include "cpp/model/labels.h"
#include "storage/columnar/byte_reader.h"
#include "storage/series/chunk.h"

namespace tocsin::storage {

/// Appends the number of chunks and the chunks, oldest first.
void PutChunks(std::span<const ChunkRef> chunks, std::string* out);
/// What PutChunks wrote; fails the reader for anything else.
std::vector<ChunkRef> GetChunks(ByteReader* in);
/// What the first version wrote: chunks of ChunkKind::kGorilla only, without their kind.
std::vector<ChunkRef> GetChunksOfVersion1(ByteReader* in);

/// Appends the number of labels, and name and value of each as a length and bytes.
void PutLabels(const Labels& labels, std::string* out);
Labels GetLabels(ByteReader* in);

}  // namespace tocsin::storage
