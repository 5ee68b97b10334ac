/// The rows of a segment, gathered from the batches in which they arrived: the strings, keys,
/// scopes and resources of all batches are numbered anew, each once. What segment_builder.cc writes
/// as columns.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cpp/model/ids.h"
#include "cpp/model/span_batch.h"
#include "storage/spans/segment.h"
#include "storage/spans/segment_attributes.h"

namespace tocsin::storage {

/// Names, versions and texts are numbers in `texts`, attribute lists ranges in `attrs`.
struct GatheredRows {
  using AttrRange = SpanBatch::AttrRange;
  struct Event {
    uint64_t time;
    uint32_t name;
    uint32_t dropped;
    AttrRange attrs;
  };
  struct Link {
    const SpanBatch::Link* link;
    uint32_t trace_state;
    AttrRange attrs;
  };
  struct Range {
    uint32_t begin = 0;
    uint32_t end = 0;
  };
  struct Extra {
    uint32_t row;
    uint32_t status_message;
    uint32_t trace_state;
    uint32_t dropped_attributes;
    uint32_t dropped_events;
    uint32_t dropped_links;
  };

  GatheredRows() = default;
  GatheredRows(const GatheredRows&) = delete;
  GatheredRows& operator=(const GatheredRows&) = delete;

  TextPool texts;
  AttributeTable attrs{&texts};

  // One entry a row.
  std::vector<TraceId> trace;
  std::vector<uint64_t> span_id;
  std::vector<uint64_t> parent;
  std::vector<uint64_t> start;
  std::vector<uint64_t> end;
  std::vector<uint32_t> name;
  std::vector<uint32_t> kind;
  std::vector<uint32_t> status;
  std::vector<uint32_t> flags;
  std::vector<uint32_t> scope;
  std::vector<uint32_t> wire;
  std::vector<AttrRange> attrs_of_row;
  std::vector<Range> events_of_row;
  std::vector<Range> links_of_row;

  // In the order of the batches; the ranges above say where.
  std::vector<Event> events;
  std::vector<Link> links;  ///< Point into the batches.
  std::vector<Extra> extras;

  // One entry a distinct scope, and a distinct resource.
  std::vector<AttrRange> scope_attrs;
  std::vector<uint32_t> scope_resource;
  std::vector<uint32_t> scope_dropped;
  ValueColumn scope_name{ValueType::kString};
  ValueColumn scope_version{ValueType::kString};
  ValueColumn scope_schema{ValueType::kString};
  std::vector<AttrRange> resource_attrs;
  std::vector<uint32_t> resource_dropped;
  ValueColumn resource_schema{ValueType::kString};
};

/// Fills `to`, which is empty. Every batch is walked on its own, so that its memory is read once
/// and each of its distinct strings is looked up once; what it holds is scattered to the rows'
/// places.
void GatherRows(std::span<const RowRef> rows, GatheredRows* to);

}  // namespace tocsin::storage
