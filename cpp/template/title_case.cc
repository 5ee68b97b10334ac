#include "cpp/template/title_case.h"

#include <algorithm>
#include <cstdint>

#include "cpp/base/utf8.h"

namespace tocsin::tmpl {
namespace {

/// What joins two parts of a word if it stands alone between them.
bool Joins(uint32_t rune) {
  return rune == '.' || rune == '\'' || rune == ':' || rune == 0xb7 || rune == 0x2019;
}

/// Letters, digits and "_". Beyond ASCII all that is not a mark or a space between words.
bool IsOfWord(uint32_t rune) {
  if (rune < 0x80) {
    return (rune >= '0' && rune <= '9') || (rune >= 'A' && rune <= 'Z') ||
           (rune >= 'a' && rune <= 'z') || rune == '_';
  }
  const bool latin_mark = rune < 0xc0 && rune != 0xaa && rune != 0xb5 && rune != 0xba;
  const bool mark = latin_mark || rune == 0xd7 || rune == 0xf7 ||
                    (rune >= 0x2000 && rune < 0x2070) || (rune >= 0x3000 && rune < 0x3004);
  return !mark;
}

bool BeginsWithWord(std::string_view text) {
  uint32_t rune = 0;
  return !text.empty() && DecodeRune(text, &rune) != 0 && IsOfWord(rune);
}

}  // namespace

std::string TitleCase(std::string_view text) {
  std::string out;
  bool in_word = false;
  bool has_capital = false;  // The word has its first letter.
  while (!text.empty()) {
    uint32_t rune = 0;
    const size_t decoded = DecodeRune(text, &rune);
    const std::string_view piece = text.substr(0, std::max<size_t>(decoded, 1));
    text.remove_prefix(piece.size());
    const bool of_word = decoded != 0 && IsOfWord(rune);
    const bool joins = in_word && decoded != 0 && Joins(rune) && BeginsWithWord(text);
    if (!of_word && !joins) has_capital = false;
    in_word = of_word;
    if (!of_word || has_capital) {
      out.append(piece);
      continue;
    }
    const std::string upper = ToUpper(piece);
    has_capital = upper != piece || ToLower(piece) != piece;
    out.append(upper);
  }
  return out;
}

}  // namespace tocsin::tmpl
