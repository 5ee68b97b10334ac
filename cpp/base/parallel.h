/// One job in parts, on the caller's thread and on whatever threads of a pool are free.

#pragma once

#include <cstddef>
#include <functional>

#include "cpp/base/thread_pool.h"

namespace tocsin {

/// Calls `run(part)` once for each part below `parts`, some of them at the same time, and returns
/// when all have ended. The caller's thread works too, so that a busy pool, or none (null), makes
/// it slower and nothing else. `run` must not throw.
void RunParts(ThreadPool* pool, size_t parts, const std::function<void(size_t part)>& run);

}  // namespace tocsin
