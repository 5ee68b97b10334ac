/// The case of words as golang.org/x/text/cases gives titles, which `title` of Prometheus uses.
/// Private to this folder.

#pragma once

#include <string>
#include <string_view>

namespace tocsin::tmpl {

/// The first letter of every word in upper case, the others as they are. A word goes on over one
/// apostrophe, full stop, colon or middle dot between letters or digits: "O'neil", "A.b 1A".
std::string TitleCase(std::string_view text);

}  // namespace tocsin::tmpl
