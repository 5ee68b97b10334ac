#include "storage/volume/write_hook.h"

#include <atomic>
#include <mutex>
#include <utility>

namespace tocsin::storage {
namespace {

struct Installed {
  std::atomic<bool> any{false};
  std::mutex mutex;
  WriteHook hook;
};

Installed& TheHook() {
  // Never destroyed: threads may write until the very end.
  static auto* const installed = new Installed;
  return *installed;
}

}  // namespace

void SetWriteHook(WriteHook hook) {
  Installed& installed = TheHook();
  const std::lock_guard lock(installed.mutex);
  installed.any = hook != nullptr;
  installed.hook = std::move(hook);
}

WriteVerdict AskWriteHook(WriteStep step, std::string_view path, size_t bytes) {
  Installed& installed = TheHook();
  if (!installed.any.load(std::memory_order_relaxed)) return {};
  const std::lock_guard lock(installed.mutex);
  return installed.hook ? installed.hook(step, path, bytes) : WriteVerdict{};
}

}  // namespace tocsin::storage
