#include "cpp/api/tenant_overrides.h"

#include <algorithm>
#include <optional>
#include <set>

#include "cpp/base/log.h"

namespace tocsin::api {
namespace {

constexpr std::string_view kEverybody = "*";
constexpr std::string_view kNone = "0";

}  // namespace

TenantOverrides::TenantOverrides(StateStore* store, const Clock& clock,
                                 std::function<void()> changed)
    : store_(*store), clock_(clock), changed_(std::move(changed)) {}

// A value is "VERSION\nJSON".
Status TenantOverrides::Load() {
  const std::scoped_lock change(change_mutex_);
  TOCSIN_ASSIGN_OR_RETURN(const auto entries, store_.Load());
  const std::scoped_lock lock(mutex_);
  for (const auto& [tenant, value] : entries) {
    const size_t line = value.find('\n');
    const std::string_view json =
        line == std::string::npos ? std::string_view{} : std::string_view(value).substr(line + 1);
    const Result<config::TenantOverrides> read = config::ParseUserOverrides(json);
    if (read) {
      users_[tenant] = {*read, value.substr(0, line)};
    } else {
      log::Warn("overrides cannot be read",
                {{"tenant", tenant}, {"error", read.error().message()}});
    }
  }
  return {};
}

void TenantOverrides::SetRuntime(config::OverridesByTenant runtime) {
  const std::scoped_lock change(change_mutex_);
  {
    const std::scoped_lock lock(mutex_);
    runtime_ = std::move(runtime);
  }
  changed_();
}

config::TenantOverrides TenantOverrides::RuntimeOf(std::string_view tenant) const {
  const std::scoped_lock lock(mutex_);
  auto found = runtime_.find(tenant);
  // As Tempo: the wildcard is for those who are not named at all.
  if (found == runtime_.end()) found = runtime_.find(kEverybody);
  return found == runtime_.end() ? config::TenantOverrides{} : found->second;
}

TenantOverrides::Versioned TenantOverrides::UserOf(std::string_view tenant) const {
  const std::scoped_lock lock(mutex_);
  const auto found = users_.find(tenant);
  return found == users_.end() ? Versioned{{}, std::string(kNone)} : found->second;
}

config::TenantOverrides TenantOverrides::Of(std::string_view tenant) const {
  return config::Merged(RuntimeOf(tenant), UserOf(tenant).overrides);
}

std::vector<std::string> TenantOverrides::Tenants() const {
  const std::scoped_lock lock(mutex_);
  std::set<std::string> tenants;
  for (const auto& [tenant, overrides] : runtime_) tenants.insert(tenant);
  for (const auto& [tenant, overrides] : users_) tenants.insert(tenant);
  tenants.erase(std::string(kEverybody));
  return {tenants.begin(), tenants.end()};
}

std::string TenantOverrides::VersionOf(std::string_view tenant) const {
  const auto found = users_.find(tenant);
  return found == users_.end() ? std::string(kNone) : found->second.version;
}

Status TenantOverrides::CheckVersion(std::string_view tenant, std::string_view version) const {
  const std::scoped_lock lock(mutex_);
  if (VersionOf(tenant) == version) return {};
  return Status(FailedPreconditionError("the version does not match: " + std::string(version) +
                                        " is not " + VersionOf(tenant)));
}

Result<TenantOverrides::Versioned> TenantOverrides::Set(const std::string& tenant,
                                                        const config::TenantOverrides& overrides,
                                                        std::string_view version) {
  const std::scoped_lock change(change_mutex_);
  TOCSIN_RETURN_IF_ERROR(CheckVersion(tenant, version));
  // Microseconds, and always another one, also if the clock stands or goes back.
  int64_t next = clock_.Now() / kMicrosecond;
  if (version == std::to_string(next)) ++next;
  Versioned set{overrides, std::to_string(next)};
  const StateChange kept{tenant, set.version + "\n" + config::OverridesJson(overrides)};
  TOCSIN_RETURN_IF_ERROR(store_.Save({&kept, 1}));
  {
    const std::scoped_lock lock(mutex_);
    users_[tenant] = set;
  }
  changed_();
  return set;
}

Status TenantOverrides::Remove(const std::string& tenant, std::string_view version) {
  const std::scoped_lock change(change_mutex_);
  if (UserOf(tenant).version == kNone) return Status(NotFoundError("there are no overrides"));
  TOCSIN_RETURN_IF_ERROR(CheckVersion(tenant, version));
  const StateChange gone{tenant, std::nullopt};
  TOCSIN_RETURN_IF_ERROR(store_.Save({&gone, 1}));
  {
    const std::scoped_lock lock(mutex_);
    users_.erase(tenant);
  }
  changed_();
  return {};
}

}  // namespace tocsin::api
