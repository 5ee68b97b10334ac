/// What is asked before anything on disk changes: the place where tests make a disk fill up, or the
/// process die, at every single step. Outside of tests there is no hook, and asking costs one load.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

namespace tocsin::storage {

enum class WriteStep : uint8_t {
  kCreate,  ///< A file or directory that is new.
  kWrite,
  kSync,
  kTruncate,
  kRename,  ///< And links.
  kRemove,
};

/// What becomes of the step.
struct WriteVerdict {
  int error = 0;     ///< An errno; 0: it is done.
  size_t bytes = 0;  ///< Of a failing kWrite so many bytes get to the disk all the same.
};

using WriteHook = std::function<WriteVerdict(WriteStep step, std::string_view path, size_t bytes)>;

/// For the whole process; null: none. The hook is called from many threads, one at a time.
void SetWriteHook(WriteHook hook);

/// The hook's verdict.
WriteVerdict AskWriteHook(WriteStep step, std::string_view path, size_t bytes = 0);

}  // namespace tocsin::storage
