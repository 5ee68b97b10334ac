/// What the tests of the series store share: a directory of their own, a disk that fills up,
/// samples that compare.

#pragma once

#include <csignal>
#include <cstdint>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "cpp/model/labels.h"
#include "tests/unit/temporary_directory.h"

namespace tocsin {

/// Bit by bit: NaNs are equal to themselves, and 0 is not -0.
inline bool operator==(const Sample& a, const Sample& b) {
  return a.t == b.t && std::bit_cast<uint64_t>(a.v) == std::bit_cast<uint64_t>(b.v);
}
inline void PrintTo(const Sample& sample, std::ostream* out) {
  *out << sample.v << "@" << sample.t;
}
inline bool operator==(const Exemplar& a, const Exemplar& b) {
  return a.t == b.t && a.labels == b.labels &&
         std::bit_cast<uint64_t>(a.value) == std::bit_cast<uint64_t>(b.value);
}
inline void PrintTo(const Labels& labels, std::ostream* out) { *out << labels.ToString(); }

namespace storage {

/// While it lives, no file grows beyond `bytes`: writes stop in the middle, as on a full disk.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit full{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &full);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  void (*handler_)(int);
  rlimit before_{};
};

}  // namespace storage
}  // namespace tocsin
