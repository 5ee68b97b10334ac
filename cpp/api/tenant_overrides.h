/// Who may what: defaults, the file of tenants, and what tenants have changed for themselves, which
/// is kept in a StateStore with a version and wins.

#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/config/overrides.h"
#include "cpp/model/state_store.h"

namespace tocsin::api {

/// Thread-safe.
class TenantOverrides {
 public:
  struct Versioned {
    config::TenantOverrides overrides;
    std::string version;  ///< "0": there are none.
  };

  /// Borrows both. `changed` is called after every change, one call at a time.
  TenantOverrides(StateStore* store, const Clock& clock, std::function<void()> changed);

  /// Reads what was kept. What cannot be read any more is left out and logged.
  Status Load();

  /// What the file of tenants says now.
  void SetRuntime(config::OverridesByTenant runtime);

  /// What holds for a tenant, beyond the defaults.
  config::TenantOverrides Of(std::string_view tenant) const;
  /// Only what the file says, and only what the tenant has set.
  config::TenantOverrides RuntimeOf(std::string_view tenant) const;
  Versioned UserOf(std::string_view tenant) const;
  /// Everybody who has something of their own, but for "*".
  std::vector<std::string> Tenants() const;

  /// Replaces what the tenant has set, if `version` is the present one. kFailedPrecondition if it
  /// is not.
  Result<Versioned> Set(const std::string& tenant, const config::TenantOverrides& overrides,
                        std::string_view version);
  /// kNotFound if there is nothing; kFailedPrecondition as Set().
  Status Remove(const std::string& tenant, std::string_view version);

 private:
  std::string VersionOf(std::string_view tenant) const;  // REQUIRES: mutex_ is held.
  Status CheckVersion(std::string_view tenant, std::string_view version) const;

  StateStore& store_;
  const Clock& clock_;
  const std::function<void()> changed_;
  std::mutex change_mutex_;  // One change at a time, with its call of `changed_`.
  mutable std::mutex mutex_;
  config::OverridesByTenant runtime_;
  std::map<std::string, Versioned, std::less<>> users_;
};

}  // namespace tocsin::api
