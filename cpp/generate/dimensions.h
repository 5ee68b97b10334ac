/// Labels of span metrics that are attributes of the spans.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/model/labels.h"
#include "cpp/model/span_batch.h"

namespace tocsin::generate {

/// The value of the label is that of the first attribute that the span has: those of its resource
/// before its own, in the order in which they stand here. A span with none has no such label, and
/// so has one whose attribute is bytes, a list or a map.
struct Dimension {
  std::string label;
  std::vector<std::string> attributes;

  friend bool operator==(const Dimension&, const Dimension&) = default;
};

/// The label that an attribute becomes, as Tempo names it: what is no letter of ASCII, digit or
/// underscore becomes an underscore, and a name that span metrics have themselves gets "__" before
/// it.
std::string DimensionLabel(std::string_view attribute);

/// Reads the dimensions of spans, packed: label and value of each that the span has, each as varint
/// length and bytes. Equal texts mean equal labels. Not thread-safe.
class DimensionReader {
 public:
  explicit DimensionReader(std::vector<Dimension> dimensions);

  bool empty() const { return dimensions_.empty(); }
  /// Turns to another batch, which must live until the next call.
  void Begin(const SpanBatch& batch);
  /// Of a row of that batch; valid until the next call.
  std::string_view Pack(uint32_t row);

 private:
  static constexpr uint32_t kNone = UINT32_MAX;

  /// The best attribute so far for a dimension.
  struct Choice {
    uint32_t rank = kNone;  ///< In Dimension::attributes.
    SpanBatch::Attr attr;
  };
  /// What a key of the batch is to a dimension.
  struct Use {
    uint32_t dimension = kNone;
    uint32_t rank = 0;
  };

  void Choose(SpanBatch::AttrRange range, Choice* choices) const;
  void AppendValue(const SpanBatch::Attr& attr);

  const std::vector<Dimension> dimensions_;
  const SpanBatch* batch_ = nullptr;
  std::vector<Use> uses_;            ///< By key of the batch.
  std::vector<Choice> of_resource_;  ///< Resources x dimensions.
  std::vector<Choice> of_span_;
  std::string value_;
  std::string packed_;
};

/// Adds what Pack() gave to a label set. A text that Pack() did not give adds some of it, or
/// nothing.
void AddDimensions(std::string_view packed, Labels* labels);

}  // namespace tocsin::generate
