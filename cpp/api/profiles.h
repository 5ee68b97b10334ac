/// Profiles of this process, where Go programs have theirs, so that `go tool pprof URL` and
/// continuous profilers find them.

#pragma once

#include <functional>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/http/router.h"
#include "cpp/wire/pprof.h"

namespace tocsin::api {

struct ProfilesBackend {
  /// Takes a profile for so long; `interrupted` fails once nobody waits for it any more.
  using Take = std::function<Result<wire::Profile>(Nanos duration,
                                                   const std::function<Status()>& interrupted)>;
  Take cpu;
  Take heap;
};

/// GET /debug/pprof/profile?seconds=30 and /debug/pprof/heap?seconds=10, gzipped profile.proto; GET
/// /debug/pprof/ lists them. 400 for seconds out of range, 429 while another one is being taken.
void RegisterProfiles(ProfilesBackend backend, http::Router* router);

}  // namespace tocsin::api
