/// The rows of a batch as OTLP nests them: resources, scopes in them, spans in those.

#pragma once

#include <cstdint>
#include <vector>

#include "cpp/model/span_batch.h"

namespace tocsin::wire {

struct ScopeGroup {
  uint32_t scope = 0;          ///< Index into `scopes`.
  std::vector<uint32_t> rows;  ///< Ascending.
};

struct ResourceGroup {
  uint32_t resource = 0;  ///< Index into `resources`.
  std::vector<ScopeGroup> scopes;
};

/// Both kinds of groups in the order of their first row. Resources and scopes without rows are
/// absent.
std::vector<ResourceGroup> GroupRows(const SpanBatch& batch);

}  // namespace tocsin::wire
