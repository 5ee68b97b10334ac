#include "cpp/rules/yaml_text.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "cpp/base/format.h"
#include "cpp/base/quote.h"

namespace tocsin::rules {
namespace {

using lib::Yaml;

/// Texts that YAML takes for something else than a text if they stand without quotes.
bool IsWord(std::string_view text) {
  constexpr std::string_view kFirst = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_/";
  constexpr std::string_view kReserved[] = {"true", "false", "yes", "no", "on",
                                            "off",  "null",  "y",   "n"};
  if (text.empty() || kFirst.find(text.front()) == std::string_view::npos) return false;
  if (text.back() == ' ' || text.back() == ':') return false;
  const bool printable = std::ranges::all_of(text, [](char c) { return c >= ' ' && c != '\x7f'; });
  if (!printable || text.find(": ") != std::string_view::npos ||
      text.find(" #") != std::string_view::npos) {
    return false;
  }
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return std::ranges::find(kReserved, lower) == std::end(kReserved);
}

/// A literal block gives back lines that begin with no space and hold nothing that must be escaped.
bool FitsInBlock(std::string_view text) {
  if (text.find('\n') == std::string_view::npos || text.front() == ' ' || text.front() == '\n') {
    return false;
  }
  return std::ranges::all_of(text, [](char c) { return c == '\n' || (c >= ' ' && c != '\x7f'); });
}

/// JSON's escapes are YAML's; so are Go's of what is no UTF-8 or a control character.
std::string Quoted(std::string_view text) { return QuoteGo(text); }

class Writer {
 public:
  std::string Take() && { return std::move(text_); }

  /// The value behind "key:" or "-", at its own indentation where it takes several lines.
  void Value(const Yaml& value, size_t indent, bool in_list) {
    if (value.IsMap() && !value.members.empty()) {
      Map(value, indent, in_list);
    } else if (value.IsSequence() && !value.items.empty()) {
      text_.append("\n");
      for (const Yaml& item : value.items) {
        text_.append(indent, ' ').append("-");
        Value(item, indent + 2, true);
      }
    } else if (value.IsMap() || value.IsSequence()) {
      text_.append(value.IsMap() ? " {}\n" : " []\n");
    } else {
      Scalar(value, indent);
    }
  }

 private:
  void Map(const Yaml& map, size_t indent, bool in_list) {
    bool on_line = in_list;  // The first key of an item stands beside its hyphen.
    text_.append(in_list ? " " : "\n");
    for (const auto& [key, value] : map.members) {
      if (!std::exchange(on_line, false)) text_.append(indent, ' ');
      text_.append(IsWord(key.scalar) ? key.scalar : Quoted(key.scalar)).append(":");
      Value(value, value.IsSequence() ? indent : indent + 2, false);
    }
  }

  void Scalar(const Yaml& value, size_t indent) {
    const std::string& text = value.scalar;
    if (value.IsNull()) {
      text_.append("\n");
    } else if (!FitsInBlock(text)) {
      // What was a number stays one, and what was a text stays a text.
      const bool is_line = !text.empty() && text.find('\n') == std::string::npos;
      const bool plain = is_line && (!value.quoted || (IsWord(text) && !ParseGoFloat(text)));
      text_.append(" ").append(plain ? text : Quoted(text)).append("\n");
    } else {
      Block(text, indent);
    }
  }

  void Block(std::string_view text, size_t indent) {
    const size_t end = text.find_last_not_of('\n') + 1;
    const size_t feeds = text.size() - end;
    text_.append(feeds == 0 ? " |-\n" : feeds == 1 ? " |\n" : " |+\n");
    std::string_view rest = feeds == 0 ? text : text.substr(0, text.size() - 1);
    while (true) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      if (!line.empty()) text_.append(indent, ' ').append(line);
      text_.append("\n");
      if (line.size() == rest.size()) return;
      rest.remove_prefix(line.size() + 1);
    }
  }

  std::string text_;
};

}  // namespace

std::string YamlText(const Yaml& map) {
  Writer writer;
  writer.Value(map, 0, false);
  return std::move(writer).Take().substr(1);  // Without what parts a key from its value.
}

}  // namespace tocsin::rules
