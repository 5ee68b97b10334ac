#include "cpp/api/store_admin.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "cpp/api/errors.h"
#include "cpp/api/params.h"
#include "cpp/base/clock.h"
#include "cpp/base/log.h"
#include "cpp/base/rfc3339.h"
#include "cpp/lib/json.h"

namespace tocsin::api {
namespace {

// Also a name of a directory, and of none outside.
bool IsSnapshotName(std::string_view name) {
  constexpr size_t kMaxSize = 100;
  return !name.empty() && name.size() <= kMaxSize && name.front() != '.' &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || c == '.';
         });
}

// "20261122T153642.123Z".
std::string NameOfNow() {
  std::string name = FormatRfc3339Millis(Clock::Real().Now());
  std::erase_if(name, [](char c) { return c == '-' || c == ':'; });
  return name;
}

http::Response NoContent() { return {204, {}, ""}; }

Result<TraceId> ReadId(const http::Request& request) {
  const std::string_view text = request.Param("id");
  if (const auto id = TraceId::FromHex(text)) return *id;
  return InvalidArgumentError("invalid trace id \"" + std::string(text) +
                              "\": 1 to 32 hexadecimal digits are expected");
}

class StoreAdmin {
 public:
  explicit StoreAdmin(StoreAdminBackend backend) : backend_(std::move(backend)) {}

  http::Response DeleteOne(const http::Request& request) const {
    const Result<TraceId> id = ReadId(request);
    if (!id) return TextError(id.error());
    const Result<uint64_t> spans = backend_.remove({*id});
    if (!spans) return TextError(spans.error());
    if (*spans == 0) return TextError(Status(NotFoundError("no such trace: " + id->ToHex())));
    log::Info("trace deleted", {{"trace", id->ToHex()}, {"spans", *spans}});
    const Status unpinned = backend_.unpin(*id);
    return unpinned.ok() ? NoContent() : TextError(unpinned);
  }

  http::Response DeleteMany(const http::Request& request) const {
    const Result<std::vector<TraceId>> traces = Select(request);
    if (!traces) return TextError(traces.error());
    uint64_t spans = 0;
    if (!traces->empty()) {
      const Result<uint64_t> removed = backend_.remove(*traces);
      if (!removed) return TextError(removed.error());
      spans = *removed;
      for (const TraceId& trace : *traces) {
        if (const Status unpinned = backend_.unpin(trace); !unpinned.ok()) {
          return TextError(unpinned);
        }
      }
      log::Info("traces deleted", {{"traces", traces->size()}, {"spans", spans}});
    }
    lib::JsonWriter w;
    w.BeginObject().Key("traces").Uint(traces->size()).Key("spans").Uint(spans).EndObject();
    return http::Response::Json(200, std::move(w).Take());
  }

  http::Response Pin(const http::Request& request, bool pinned) const {
    const Result<TraceId> id = ReadId(request);
    if (!id) return TextError(id.error());
    const Status status = pinned ? backend_.pin(*id) : backend_.unpin(*id);
    return status.ok() ? NoContent() : TextError(status);
  }

  http::Response Snapshot(const http::Request& request) const {
    const std::string name(Params(request).Text("name").value_or(NameOfNow()));
    if (!IsSnapshotName(name)) {
      return http::Response::Text(400,
                                  "invalid name: 1 to 100 letters, digits and -_. are expected");
    }
    const Result<std::string> path = backend_.snapshot(name);
    if (!path) return TextError(path.error());
    log::Info("snapshot made", {{"path", *path}});
    lib::JsonWriter w;
    w.BeginObject().Key("name").String(name).Key("path").String(*path).EndObject();
    return http::Response::Json(200, std::move(w).Take());
  }

  http::Response Pinned() const {
    lib::JsonWriter w;
    w.BeginObject().Key("traces").BeginArray();
    for (const TraceId& id : backend_.pinned()) w.String(id.ToHex());
    w.EndArray().EndObject();
    return http::Response::Json(200, std::move(w).Take());
  }

 private:
  // Nothing is deleted by leaving something out.
  Result<std::vector<TraceId>> Select(const http::Request& request) const {
    const Params params(request);
    const auto q = params.Text("q");
    if (!q) {
      return InvalidArgumentError("parameter q is missing: it says what is deleted, { } is all");
    }
    TOCSIN_ASSIGN_OR_RETURN(const Params::SecondsRange range, params.Seconds());
    return backend_.queries->Select(
        *q, {range.start, range.end},
        backend_.queries->InterruptedWhen([&request] { return request.Cancelled(); }));
  }

  const StoreAdminBackend backend_;
};

}  // namespace

void RegisterStoreAdmin(StoreAdminBackend backend, http::Router* router) {
  const auto admin = std::make_shared<const StoreAdmin>(std::move(backend));
  using Request = http::Request;
  router->Handle("DELETE", "/api/traces/{id}",
                 [admin](const Request& request) { return admin->DeleteOne(request); });
  router->Handle("POST", "/api/admin/delete",
                 [admin](const Request& request) { return admin->DeleteMany(request); });
  router->Handle("PUT", "/api/traces/{id}/pin",
                 [admin](const Request& request) { return admin->Pin(request, true); });
  router->Handle("DELETE", "/api/traces/{id}/pin",
                 [admin](const Request& request) { return admin->Pin(request, false); });
  router->Handle("POST", "/api/admin/snapshot",
                 [admin](const Request& request) { return admin->Snapshot(request); });
  router->Handle("GET", "/api/admin/pins", [admin](const Request&) { return admin->Pinned(); });
}

}  // namespace tocsin::api
