/// The two text formats.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/scrape/exposition.h"

namespace tocsin::scrape {

/// "+Inf", "NaN" and decimal numbers, as Go writes and reads them; no hexadecimal ones.
std::optional<double> ParseNumber(std::string_view text);

class TextReader : public ExpositionReader {
 public:
  /// `format` is one of the text formats. `text` must outlive the reader.
  TextReader(std::string_view text, Format format) : text_(text), format_(format) {}

  Result<Item> Next() override;
  Result<std::vector<Labels::Pair>> ReadLabels() override;

  /// For a closer look: the labels as they are written, in their order, __name__ first.
  Result<std::vector<Labels::Pair>> WrittenLabels() const;
  /// The timestamp of sample() as it is written, in seconds or milliseconds as the format has it.
  std::optional<double> written_timestamp() const { return written_timestamp_; }
  /// "line 3, column 1" of the item.
  std::string Place() const;

 private:
  std::optional<std::string_view> NextLine();
  /// kEnd: it was a comment that says nothing.
  Result<Item> Comment(std::string_view line);
  Result<Item> Metadata(MetadataPart part, std::string_view line, size_t at);
  Result<Item> Sample(std::string_view line);
  Result<Item> End();

  const std::string_view text_;
  const Format format_;
  size_t at_ = 0;       // The next line begins there.
  size_t number_ = 0;   // Of the line that was read last.
  size_t column_ = 0;   // Where its sample begins, from 0.
  bool ended_ = false;  // By "# EOF".
  std::optional<double> written_timestamp_;
  std::string family_text_;  // What metadata_ shows, if it is not as it was written.
  std::string metadata_text_;
};

}  // namespace tocsin::scrape
