/// The rules with their threads: groups are evaluated side by side, rule files that change are
/// loaded again.

#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "cpp/base/telemetry.h"
#include "cpp/config/config.h"
#include "cpp/engine/engine.h"
#include "cpp/engine/periodic.h"
#include "cpp/rules/manager.h"
#include "cpp/rules/ports.h"
#include "cpp/rules/rule_library.h"
#include "cpp/server/rule_files.h"

namespace tocsin::server {

/// Thread-safe.
class RuleService {
 public:
  /// What it borrows; all must outlive it. `evidence` may be null.
  struct Ports {
    engine::Engine* engine = nullptr;
    Telemetry* telemetry = nullptr;
    rules::AlertSink* alerts = nullptr;
    const rules::EvidenceSource* evidence = nullptr;
  };

  /// Nothing runs yet. What it needs of `config` is copied.
  RuleService(const config::Config& config, const Ports& ports);
  /// Stop().
  ~RuleService();
  RuleService(const RuleService&) = delete;
  RuleService& operator=(const RuleService&) = delete;

  /// Restores the states, takes over `files` (of ReadRuleFiles for the same configuration) and
  /// begins to evaluate and to watch the files. `external_url` goes into links and templates. To be
  /// called once. As rules::Manager::Load.
  Status Start(RuleFiles files, const std::string& external_url);

  /// Reads the rule files that this configuration names, and takes over them and its settings but
  /// for the number of threads and how often files are looked at. Rules that stay keep their state,
  /// groups that do not change their schedule. On an error (a file that cannot be read or
  /// understood) everything stays as it was.
  Status Reload(const config::Config& config);

  /// Cancels the queries that run and ends the evaluations. Idempotent.
  void Stop();

  /// What clients change; null unless the configuration wants it.
  rules::RuleLibrary* library() { return library_.get(); }

  /// Empty before Start(). They never wait for an evaluation.
  std::vector<std::shared_ptr<const rules::GroupView>> Groups() const;
  std::vector<rules::AlertView> Alerts() const;

 private:
  rules::Options OptionsOf(const config::Config& config) const;
  /// Takes over these files beside those of the library, under other options or those that hold.
  Status LoadBeside(std::vector<rules::RuleFile> files, const config::Config* other_options);
  /// The library has changed.
  Status LoadAgain();
  void WakeEvaluators();
  /// Loads what has changed on disk, if anything has. True: it is changing, and is to be looked at
  /// again soon.
  bool Watch();

  const Ports ports_;
  const std::unique_ptr<StateStore> state_;
  Gauge& files_ok_;
  Counter& file_reloads_;

  std::mutex load_mutex_;  ///< Held while files are read and taken over.
  config::Config config_;
  std::string external_url_;
  FileVersions versions_;  ///< Of the files that were last read, well or not.
  FileVersions changing_;  ///< What was found instead the last time.

  std::unique_ptr<StateStore> kept_;  ///< What the library keeps.
  std::unique_ptr<rules::RuleLibrary> library_;
  std::vector<rules::RuleFile> files_;  ///< As last taken over; empty without a library.

  std::stop_source cancel_;  ///< Of queries that are under way when Stop() is called.
  std::unique_ptr<rules::Manager> manager_;
  std::atomic<const rules::Manager*> published_ = nullptr;
  std::vector<std::unique_ptr<engine::Periodic>> evaluators_;  ///< All are made before one runs.
  std::unique_ptr<engine::Periodic> watcher_;
};

}  // namespace tocsin::server
