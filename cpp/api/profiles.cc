#include "cpp/api/profiles.h"

#include <string>
#include <string_view>
#include <utility>

#include "cpp/api/errors.h"
#include "cpp/api/interrupt.h"
#include "cpp/api/params.h"
#include "cpp/base/log.h"

namespace tocsin::api {
namespace {

constexpr std::string_view kIndex =
    "Profiles of this process, for `go tool pprof URL`:\n"
    "/debug/pprof/profile?seconds=30  where CPU time goes\n"
    "/debug/pprof/heap?seconds=10     what is allocated meanwhile, and what of it stays\n";

http::Handler Serve(std::string name, int64_t otherwise, ProfilesBackend::Take take) {
  return [name = std::move(name), otherwise,
          take = std::move(take)](const http::Request& request) -> http::Response {
    const Result<int64_t> seconds = Params(request).Int("seconds", otherwise, 1, 600);
    if (!seconds) return TextError(seconds.error());
    log::Info("profile", {{"kind", name}, {"seconds", *seconds}, {"client", request.remote}});
    const Result<wire::Profile> profile =
        take(*seconds * kSecond, InterruptWhen([&request] { return request.Cancelled(); }, 0));
    if (!profile) return TextError(profile.error());
    http::Response response;
    response.body = wire::EncodeProfile(*profile);
    response.Set("Content-Type", "application/octet-stream");
    response.Set("Content-Disposition", "attachment; filename=\"" + name + ".pb.gz\"");
    return response;
  };
}

}  // namespace

void RegisterProfiles(ProfilesBackend backend, http::Router* router) {
  router->Handle("GET", "/debug/pprof/profile", Serve("profile", 30, std::move(backend.cpu)));
  router->Handle("GET", "/debug/pprof/heap", Serve("heap", 10, std::move(backend.heap)));
  const auto index = [](const http::Request&) { return http::Response::Text(200, kIndex); };
  router->Handle("GET", "/debug/pprof", index);
  router->Handle("GET", "/debug/pprof/", index);
}

}  // namespace tocsin::api
