/// A directory for one test, removed with all that is in it at the end of its scope. Each has a
/// name of its own, so that two runs of the tests on one machine do not meet.

#pragma once

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

namespace tocsin {

/// In memory where the machine has a place for that, as many tests sync thousands of times.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    constexpr uintmax_t kEnough = uintmax_t{48} << 20;
    std::error_code error;
    const auto shared = std::filesystem::space("/dev/shm", error);
    const bool in_memory = !error && shared.available >= kEnough;
    path_ = in_memory ? "/dev/shm" : std::filesystem::temp_directory_path().string();
    path_ += "/tocsin_test_XXXXXX";
    // Without it no test could go on.
    if (::mkdtemp(path_.data()) == nullptr) std::abort();
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  /// Absolute, without a slash at its end.
  const std::string& path() const { return path_; }
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

  /// Writes a file, and the folders that it is in, anew; returns its path.
  std::string Write(std::string_view name, std::string_view bytes) const {
    const std::filesystem::path file(*this / name);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
    return file.string();
  }

 private:
  std::string path_;
};

}  // namespace tocsin
