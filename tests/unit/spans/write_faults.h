/// What happens to a store whose disk fails, or whose process dies, at one chosen write.

#pragma once

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <string_view>

#include "storage/volume/write_hook.h"

namespace tocsin::storage {

/// While it lives, it counts the steps that change the disk. From Arm() on, the n-th fails.
class WriteFaults {
 public:
  enum class Kind {
    kFails,  ///< That step alone: the disk refuses it.
    kDies,   ///< Nothing is done from there on: the process is gone.
    kTears,  ///< The same, but half of what was to be written there gets to the disk.
  };

  WriteFaults() {
    SetWriteHook([this](WriteStep, std::string_view, size_t bytes) -> WriteVerdict {
      const size_t left = left_.load();
      if (left == 0) return {dead_ ? EIO : 0, 0};
      left_ = left - 1;
      if (left > 1) return {};
      happened_ = true;
      dead_ = kind_ != Kind::kFails;
      return {kind_ == Kind::kFails ? ENOSPC : EIO, kind_ == Kind::kTears ? bytes / 2 : 0};
    });
  }
  ~WriteFaults() { SetWriteHook(nullptr); }
  WriteFaults(const WriteFaults&) = delete;
  WriteFaults& operator=(const WriteFaults&) = delete;

  /// `n` from 1 on.
  void Arm(Kind kind, size_t n) {
    kind_ = kind;
    left_ = n;
  }
  /// The disk is well again, and a new process begins.
  void Heal() {
    left_ = 0;
    dead_ = false;
  }
  bool happened() const { return happened_; }

 private:
  // The hook is called by one thread at a time.
  std::atomic<Kind> kind_{Kind::kFails};
  std::atomic<size_t> left_{0};
  std::atomic<bool> dead_{false};
  std::atomic<bool> happened_{false};
};

}  // namespace tocsin::storage
