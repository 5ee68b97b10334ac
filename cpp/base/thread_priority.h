/// How much of the processor a thread asks for when others want it too.

#pragma once

#include <sys/resource.h>
#include <unistd.h>

namespace tocsin {

/// From now on the calling thread leaves the processor to the others of the machine while they have
/// work, and still gets a tenth of what one of them gets: for work that may take its time. Not an
/// error if the system refuses.
inline void BeInNoHurry() {
  constexpr int kNice = 10;
  static_cast<void>(setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNice));
}

}  // namespace tocsin
