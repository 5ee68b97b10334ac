/// A part of what is ascending by time.

#pragma once

#include <algorithm>
#include <span>

#include "cpp/model/labels.h"

namespace tocsin::promql {

/// The samples in [from, to], both ends included, of some that ascend by their `t`.
template <class T>
std::span<const T> SamplesBetween(std::span<const T> samples, Millis from, Millis to) {
  const auto begin = std::ranges::lower_bound(samples, from, {}, &T::t);
  const auto end = std::ranges::upper_bound(begin, samples.end(), to, {}, &T::t);
  return {begin, end};
}

}  // namespace tocsin::promql
