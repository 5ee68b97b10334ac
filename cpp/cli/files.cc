#include "cpp/cli/files.h"

#include <cerrno>
#include <cstdio>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace tocsin::cli {
namespace {

constexpr int kFileMode = 0640;

Failure FileFailure(const std::string& what) {
  const int error = errno;
  const std::string message = "cannot " + what + ": " + std::generic_category().message(error);
  return error == ENOENT ? NotFoundError(message) : UnavailableError(message);
}

class FileSource final : public lib::ByteSource {
 public:
  FileSource(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  ~FileSource() override {
    if (fd_ != STDIN_FILENO) ::close(fd_);
  }
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  Result<size_t> Read(char* out, size_t room) override {
    while (true) {
      const ssize_t size = ::read(fd_, out, room);
      if (size >= 0) return static_cast<size_t>(size);
      if (errno != EINTR) return FileFailure("read " + path_);
    }
  }

 private:
  const int fd_;
  const std::string path_;
};

class FileSink final : public lib::ByteSink {
 public:
  // `temporary`: renamed to `path` at the end; empty for standard output.
  FileSink(int fd, std::string path, std::string temporary)
      : fd_(fd), path_(std::move(path)), temporary_(std::move(temporary)) {}
  ~FileSink() override {
    if (temporary_.empty() || fd_ < 0) return;
    ::close(fd_);
    ::unlink(temporary_.c_str());
  }
  FileSink(const FileSink&) = delete;
  FileSink& operator=(const FileSink&) = delete;

  Status Write(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t size = ::write(fd_, bytes.data(), bytes.size());
      if (size < 0 && errno != EINTR) return FileFailure("write " + path_);
      if (size > 0) bytes.remove_prefix(static_cast<size_t>(size));
    }
    return {};
  }

  Status Finish() override {
    if (temporary_.empty()) return {};
    if (::fsync(fd_) != 0) return FileFailure("sync " + path_);
    if (::close(std::exchange(fd_, -1)) != 0) return FileFailure("close " + path_);
    if (std::rename(temporary_.c_str(), path_.c_str()) != 0) return FileFailure("make " + path_);
    return {};
  }

 private:
  int fd_;
  const std::string path_;
  const std::string temporary_;
};

}  // namespace

Result<std::unique_ptr<lib::ByteSource>> OpenSource(const std::string& path) {
  if (path == "-") return std::make_unique<FileSource>(STDIN_FILENO, "standard input");
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return FileFailure("read " + path);
  return std::make_unique<FileSource>(fd, path);
}

Result<std::unique_ptr<lib::ByteSink>> OpenSink(const std::string& path) {
  if (path == "-") return std::make_unique<FileSink>(STDOUT_FILENO, "standard output", "");
  const std::string temporary = path + ".new";
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kFileMode);
  if (fd < 0) return FileFailure("write " + temporary);
  std::unique_ptr<lib::ByteSink> sink = std::make_unique<FileSink>(fd, path, temporary);
  if (path.ends_with(".gz")) return lib::GzipCompressing(std::move(sink));
  if (path.ends_with(".zst")) return lib::ZstdCompressing(std::move(sink));
  return sink;
}

Result<std::string> ReadText(const std::string& path) {
  constexpr size_t kPiece = size_t{1} << 16U;
  TOCSIN_ASSIGN_OR_RETURN(const std::unique_ptr<lib::ByteSource> source, OpenSource(path));
  std::string text;
  while (true) {
    const size_t before = text.size();
    text.resize(before + kPiece);
    TOCSIN_ASSIGN_OR_RETURN(const size_t size, source->Read(text.data() + before, kPiece));
    text.resize(before + size);
    if (size == 0) return text;
  }
}

}  // namespace tocsin::cli
