/// Inhibition: an alert is kept quiet while another one fires that explains it.

#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/model/alert.h"
#include "cpp/model/labels.h"
#include "cpp/routing/config.h"

namespace tocsin::alerting {

/// Learns of every alert, and says which others keep one quiet. Cost of a question: the rules, and
/// those sources that agree with it in the rule's `equal` labels. Thread-safe.
class Inhibitor {
 public:
  explicit Inhibitor(std::span<const routing::InhibitRule> rules);
  ~Inhibitor();
  Inhibitor(const Inhibitor&) = delete;
  Inhibitor& operator=(const Inhibitor&) = delete;

  /// A new or changed alert, resolved ones included.
  void Update(const Alert& alert);
  /// The alert is forgotten.
  void Forget(const Labels& labels);

  /// Of one rule no more are listed.
  static constexpr size_t kListedMax = 32;

  /// Fingerprints of the firing alerts that inhibit one with these labels, ascending, of each rule
  /// the first kListedMax. An alert that matches both sides of a rule is not inhibited by alerts
  /// that do so too, itself included. A label that is absent equals an empty one.
  std::vector<uint64_t> Inhibiting(const Labels& labels, Nanos now) const;

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace tocsin::alerting
