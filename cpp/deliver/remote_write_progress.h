/// How far a remote writer has come in the log, when what it read is sent in no fixed order.

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>

#include "cpp/model/ports.h"

namespace tocsin::deliver {

/// Stands for one run of the log.
using WriteTicket = uint64_t;

/// Thread-safe.
class WriteProgress {
 public:
  explicit WriteProgress(const LogPosition& begin) : done_(begin) {}

  /// A run that ends at `end`, of which `items` are to be sent. Runs come in the log's order.
  WriteTicket Open(const LogPosition& end, size_t items);
  /// That many items of the run are done with.
  void Done(WriteTicket ticket, size_t items);

  /// Before it everything is done with.
  LogPosition position() const;
  /// Is nothing on its way?
  bool idle() const;

 private:
  struct Run {
    LogPosition end;
    size_t left = 0;
  };
  void Advance();  // REQUIRES: mutex_ held.

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::deque<Run> runs_;
  WriteTicket first_ = 0;  ///< Of runs_.front().
  LogPosition done_;
};

}  // namespace tocsin::deliver
