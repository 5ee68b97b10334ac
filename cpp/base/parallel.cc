#include "cpp/base/parallel.h"

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>

namespace tocsin {
namespace {

// Shared with the pool's tasks, of which some may start when all is over.
struct Job {
  explicit Job(size_t count) : parts(count) {}

  const size_t parts;
  std::mutex mutex;
  std::condition_variable ended;
  size_t next = 0;  // Guarded by mutex, as is the next.
  size_t done = 0;

  // Runs parts until none is left. `run` is of a caller that waits for every part that was taken.
  void Work(const std::function<void(size_t)>& run) {
    std::unique_lock lock(mutex);
    while (next < parts) {
      const size_t part = next++;
      lock.unlock();
      run(part);
      lock.lock();
      if (++done == parts) ended.notify_all();
    }
  }
};

}  // namespace

void RunParts(ThreadPool* pool, size_t parts, const std::function<void(size_t part)>& run) {
  const auto job = std::make_shared<Job>(parts);
  const size_t helpers = pool == nullptr || parts < 2 ? 0 : std::min(parts - 1, pool->threads());
  for (size_t i = 0; i < helpers; ++i) {
    if (!pool->TrySubmit([job, &run] { job->Work(run); })) break;
  }
  job->Work(run);
  std::unique_lock lock(job->mutex);
  job->ended.wait(lock, [&job] { return job->done == job->parts; });
}

}  // namespace tocsin
