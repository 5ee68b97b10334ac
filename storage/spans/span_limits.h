/// What bounds the data of tenants. Set as a whole, at any time (SpanStore::SetLimits).

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "cpp/base/clock.h"

namespace tocsin::storage {

/// nullopt: as everybody.
struct TenantLimits {
  /// Data whose newest span ended longer ago is removed; 0: never.
  std::optional<Nanos> block_retention;
  /// 0: no bound.
  std::optional<uint64_t> max_bytes_per_trace;
};

struct SpanLimits {
  /// Bytes on the wire of all spans of a trace, sealed or not; further ones are refused. 0: no
  /// bound. Found out about sealed spans is within a second of the first new one, so that a trace
  /// that goes on after it was sealed may exceed the bound by what comes in that second.
  uint64_t max_bytes_per_trace = 0;
  std::map<std::string, TenantLimits, std::less<>> tenants;

  uint64_t MaxBytesPerTrace(std::string_view tenant) const {
    const auto it = tenants.find(tenant);
    return it == tenants.end() ? max_bytes_per_trace
                               : it->second.max_bytes_per_trace.value_or(max_bytes_per_trace);
  }
  std::optional<Nanos> BlockRetention(std::string_view tenant) const {
    const auto it = tenants.find(tenant);
    return it == tenants.end() ? std::nullopt : it->second.block_retention;
  }
};

}  // namespace tocsin::storage
