/// The files of ui/, as the build has put them into the program. assets.cc is generated from them.

#pragma once

#include <span>
#include <string_view>

namespace tocsin::ui {

struct Asset {
  std::string_view name;                ///< "app.js"; ui/ has no folders.
  std::string_view etag;                ///< Of the content, in quotes.
  std::span<const unsigned char> gzip;  ///< The content, compressed.
};

/// All files, sorted by name.
std::span<const Asset> Assets();

}  // namespace tocsin::ui
