#include "cpp/http/secret.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <string_view>
#include <system_error>

namespace tocsin::http {
namespace {

constexpr size_t kMaxBytes = 1 << 20;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

}  // namespace

Result<std::string> ReadSecret(const Secret& secret) {
  if (secret.file.empty()) return secret.value;
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(secret.file.c_str(), "rbe"));
  if (file == nullptr) {
    const int reason = errno;
    const std::string message =
        secret.file + ": " + std::error_code(reason, std::generic_category()).message();
    if (reason == ENOENT) return NotFoundError(message);
    return UnavailableError(message);
  }
  std::string text;
  std::array<char, 4096> chunk;
  size_t count = chunk.size();
  while (count == chunk.size()) {
    count = std::fread(chunk.data(), 1, chunk.size(), file.get());
    text.append(chunk.data(), count);
    if (text.size() > kMaxBytes) return ResourceExhaustedError(secret.file + " is too large");
  }
  if (std::ferror(file.get()) != 0) return UnavailableError(secret.file + " cannot be read");
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string::npos) return std::string();
  return text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
}

}  // namespace tocsin::http
