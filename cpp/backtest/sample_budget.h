/// How many samples a backtest may still hold. Private to this folder.

#pragma once

#include <cstddef>

#include "cpp/base/status.h"

namespace tocsin::backtest {

/// Not thread-safe.
class SampleBudget {
 public:
  explicit SampleBudget(size_t samples) : left_(samples) {}

  /// kResourceExhausted if there is no room for `samples` further ones; so it stays.
  Status Take(size_t samples) {
    if (!status_.ok()) return status_;
    if (samples > left_) {
      status_ = ResourceExhaustedError(
          "the backtest would hold too many samples in memory: shorten the time, leave rules out, "
          "or ask for fewer dimensions");
      return status_;
    }
    left_ -= samples;
    return {};
  }
  void Give(size_t samples) { left_ += samples; }

  /// OK until a Take() has failed.
  const Status& status() const { return status_; }

 private:
  size_t left_;
  Status status_;
};

}  // namespace tocsin::backtest
