/// Threads that help one query where there is much to read.

#pragma once

#include "cpp/base/thread_pool.h"

namespace tocsin::traceql {

struct Helpers {
  ThreadPool* pool = nullptr;  ///< Null: none. Outlives the query.
  /// Share even what one thread would have done sooner alone. Answers are the same: for tests.
  bool always = false;
};

}  // namespace tocsin::traceql
