/// Brings what tenants have of their own to where it acts: the span store and the queries.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cpp/api/status_pages.h"
#include "cpp/api/tempo_queries.h"
#include "cpp/api/tenant_overrides.h"
#include "cpp/base/status.h"
#include "cpp/base/telemetry.h"
#include "cpp/config/config.h"
#include "cpp/engine/engine.h"
#include "cpp/engine/periodic.h"

namespace tocsin::server {

class OverridesService {
 public:
  /// Borrows all three.
  OverridesService(const config::Config& config, engine::Engine* engine, Telemetry* telemetry);
  ~OverridesService();
  OverridesService(const OverridesService&) = delete;
  OverridesService& operator=(const OverridesService&) = delete;

  /// Reads what tenants have set and the file of tenants, which must be good now; later a bad file
  /// is logged, and what it said before goes on.
  Status Start();

  /// What is wrong with overrides that could be read: a selector that is no TraceQL.
  static Status Check(const config::TenantOverrides& overrides);

  api::TenantOverrides& tenants() { return *tenants_; }

  /// What holds for the tenant now, with the defaults.
  api::TempoLimits LimitsOf(const std::string& tenant) const;
  Nanos MetricsRangeOf(const std::string& tenant) const;

  /// For /status/overrides; `tenant` is there even if it has nothing of its own.
  std::vector<api::StatusBackend::Overrides> Pages(const std::string& tenant) const;

 private:
  Status ReadFile();
  void Apply();

  const config::Config& config_;
  engine::Engine& engine_;
  Gauge& last_reload_;
  const std::unique_ptr<StateStore> store_;
  std::unique_ptr<api::TenantOverrides> tenants_;
  std::string file_text_;  // As last read.
  std::unique_ptr<engine::Periodic> reloader_;
};

}  // namespace tocsin::server
