/// Sums that keep what a double alone would lose.

#pragma once

#include <cmath>
#include <cstddef>

namespace tocsin::promql {

/// Neumaier's variant of Kahan's summation: `sum` is the plain sum, `compensation` what rounding
/// took from it. The order of operations is Prometheus's, so that results agree to the last bit.
struct KahanSum {
  double sum = 0;
  double compensation = 0;

  void Add(double value) {
    const double total = sum + value;
    if (std::isinf(total)) {
      compensation = 0;
    } else if (std::abs(sum) >= std::abs(value)) {
      compensation += (sum - total) + value;
    } else {
      compensation += (value - total) + sum;
    }
    sum = total;
  }

  /// Adds another such sum.
  void Add(const KahanSum& other) {
    const double both = compensation + other.compensation;
    compensation = 0;
    Add(other.sum);
    if (!std::isinf(sum)) compensation += both;
  }

  double Value() const { return std::isinf(sum) ? sum : sum + compensation; }
};

/// An average that survives a sum too large for a double: from then on it is the mean that is kept.
struct KahanMean {
  KahanSum total;  ///< The sum, or the mean once `incremental`.
  double count = 0;
  bool incremental = false;

  void Add(double value) {
    count += 1;
    if (count == 1) {
      total = {value, 0};
      return;
    }
    if (!incremental) {
      KahanSum next = total;
      next.Add(value);
      if (!std::isinf(next.sum)) {
        total = next;
        return;
      }
      incremental = true;
      total.sum /= count - 1;
      total.compensation /= count - 1;
    }
    const double q = (count - 1) / count;
    total.sum *= q;
    total.compensation *= q;
    total.Add(value / count);
  }

  double Value() const {
    return incremental ? total.sum + total.compensation
                       : total.sum / count + total.compensation / count;
  }
};

}  // namespace tocsin::promql
