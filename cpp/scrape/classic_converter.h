/// Turns the classic histograms of a text exposition into native ones on the way.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cpp/scrape/classic_histogram.h"
#include "cpp/scrape/exposition.h"

namespace tocsin::scrape {

class ClassicConverter : public ExpositionReader {
 public:
  /// `keep_classic`: shows their parts too.
  ClassicConverter(std::unique_ptr<ExpositionReader> inner, bool keep_classic)
      : inner_(std::move(inner)), keep_classic_(keep_classic) {}

  Result<Item> Next() override;
  Result<std::vector<Labels::Pair>> ReadLabels() override;

 private:
  /// A histogram while its parts are read.
  struct Collecting {
    std::string series;
    std::vector<Labels::Pair> labels;
    ClassicHistogram histogram;
    ExposedSample last;  // Whatever came with its parts.
  };

  /// Takes the sample into the histogram that it is a part of; false if it is part of none. In
  /// `before` is the histogram that ended with it.
  bool TakePart(const std::vector<Labels::Pair>& labels, std::optional<Collecting>* before);
  /// Shows the histogram, unless its parts do not fit together.
  bool Show(Collecting ended);
  Item ShowInner(Item item);

  const std::unique_ptr<ExpositionReader> inner_;
  const bool keep_classic_;
  std::optional<Collecting> collecting_;
  std::optional<Item> held_;  // What inner_ stands on, while an ended histogram is shown before it.
  bool taken_ = false;        // ... and is part of a histogram already.
  std::string series_;        // Of the histogram that is shown.
  std::vector<Labels::Pair> labels_;
};

}  // namespace tocsin::scrape
