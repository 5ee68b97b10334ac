#include "cpp/server/rule_service.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "cpp/base/clock.h"
#include "cpp/base/log.h"
#include "cpp/rules/engine_query.h"
#include "cpp/server/engine_options.h"

namespace tocsin::server {
namespace {

// However far away the next evaluation is, look again so often: the clock may be set, and another
// thread may have finished a group that is due sooner.
constexpr Nanos kLongestSleep = kSecond;
// A file that has not changed for so long is taken to be written.
constexpr Nanos kSettleTime = kSecond;

Nanos Now() { return Clock::Real().Now(); }

rules::RestoreOptions RestoreOptionsOf(const config::Rules& rules) {
  return {.policy = rules.restore_as_prometheus ? rules::RestorePolicy::kPrometheus
                                                : rules::RestorePolicy::kExact,
          .outage_tolerance = rules.for_outage_tolerance,
          .grace_period = rules.for_grace_period};
}

/// Of what a reload may change.
bool SameOptions(const config::Config& a, const config::Config& b) {
  return a.evaluation_interval == b.evaluation_interval &&
         a.rule_query_offset == b.rule_query_offset && a.external_labels == b.external_labels &&
         a.rules.resend_delay == b.rules.resend_delay;
}

}  // namespace

RuleService::RuleService(const config::Config& config, const Ports& ports)
    : ports_(ports),
      state_(ports.engine->state().Section("rules")),
      files_ok_(ports.telemetry->GetGauge(
          "tocsin_rule_files_last_load_successful",
          "Whether the rule files were understood when they were last read; if not, the rules are "
          "those of before.")),
      file_reloads_(ports.telemetry->GetCounter(
          "tocsin_rule_file_reloads_total",
          "How often changed rule files were loaded without being asked for.")),
      config_(config) {
  if (!config.rules.api) return;
  kept_ = ports.engine->state().Section("rule-groups");
  library_ = std::make_unique<rules::RuleLibrary>(kept_.get(), ServedPromQl(),
                                                  [this] { return LoadAgain(); });
}

RuleService::~RuleService() { Stop(); }

Status RuleService::Start(RuleFiles files, const std::string& external_url) {
  if (library_ != nullptr) TOCSIN_RETURN_IF_ERROR(library_->Load());
  const std::lock_guard lock(load_mutex_);
  external_url_ = external_url;
  manager_ = std::make_unique<rules::Manager>(
      OptionsOf(config_),
      rules::Ports{
          .query = rules::EngineQuery(ports_.engine->promql(), ports_.engine->series(),
                                      cancel_.get_token()),
          .samples = ports_.engine->series(),
          .state = *state_,
          .alerts = *ports_.alerts,
          .telemetry = *ports_.telemetry,
          .clock = Clock::Real(),
          .evidence = ports_.evidence,
          .wake = [this] { WakeEvaluators(); },
      });
  versions_ = std::move(files.versions);
  TOCSIN_RETURN_IF_ERROR(LoadBeside(std::move(files.files), nullptr));
  files_ok_.Set(1);
  published_ = manager_.get();
  for (uint32_t i = 0; i < config_.rules.max_concurrent_evals; ++i) {
    evaluators_.push_back(std::make_unique<engine::Periodic>("rules", [this] {
      return std::clamp<Nanos>(manager_->RunDue(Now()) - Now(), 0, kLongestSleep);
    }));
  }
  for (const auto& evaluator : evaluators_) evaluator->Start(0);
  if (config_.rules.watch_interval == 0) return {};
  watcher_ = std::make_unique<engine::Periodic>(
      "rule-files", [this, interval = config_.rules.watch_interval] {
        return Watch() ? std::min(interval, kSettleTime) : interval;
      });
  watcher_->Start(config_.rules.watch_interval);
  return {};
}

void RuleService::WakeEvaluators() {
  // Which of them sleep is not known; one that does not looks once more when it is done.
  if (evaluators_.size() < 2) return;
  for (const auto& evaluator : evaluators_) evaluator->Wake();
}

rules::Options RuleService::OptionsOf(const config::Config& config) const {
  rules::Options options;
  options.default_interval = config.evaluation_interval;
  options.default_query_offset = config.rule_query_offset;
  options.external_url = external_url_;
  options.external_labels = config.external_labels;
  options.resend_delay = config.rules.resend_delay;
  options.restore = RestoreOptionsOf(config.rules);
  options.parser = ports_.engine->promql().options().parser;
  return options;
}

Status RuleService::Reload(const config::Config& config) {
  const std::lock_guard lock(load_mutex_);
  if (manager_ == nullptr) return UnavailableError("the rules are not loaded yet");
  TOCSIN_ASSIGN_OR_RETURN(RuleFiles read, ReadRuleFiles(config.rule_files));
  TOCSIN_RETURN_IF_ERROR(
      LoadBeside(std::move(read.files), SameOptions(config_, config) ? nullptr : &config));
  versions_ = std::move(read.versions);
  config_ = config;
  files_ok_.Set(1);
  return {};
}

Status RuleService::LoadBeside(std::vector<rules::RuleFile> files,
                               const config::Config* other_options) {
  std::vector<rules::RuleFile> kept;
  if (library_ != nullptr) {
    kept = files;
    std::ranges::move(library_->Files(), std::back_inserter(files));
  }
  // Under new options all groups are made anew, which waits for each that is being evaluated.
  TOCSIN_RETURN_IF_ERROR(other_options == nullptr
                             ? manager_->Load(std::move(files), Now())
                             : manager_->Load(std::move(files), OptionsOf(*other_options), Now()));
  files_ = std::move(kept);
  return {};
}

Status RuleService::LoadAgain() {
  const std::lock_guard lock(load_mutex_);
  if (manager_ == nullptr) return UnavailableError("the rules are not loaded yet");
  return LoadBeside(files_, nullptr);
}

bool RuleService::Watch() {
  const std::lock_guard lock(load_mutex_);
  const Result<FileVersions> found = FindRuleFiles(config_.rule_files);
  // A file that was moved away for a moment, to be replaced, is no change yet.
  if (!found.has_value() || *found == versions_) return false;
  // Nor is one that is still being written, of which half might look like a whole.
  if (*found != changing_) {
    changing_ = *found;
    return true;
  }
  // Good or bad, these versions have been looked at, and are complained about once.
  versions_ = *found;
  Result<RuleFiles> read = ReadRuleFiles(config_.rule_files);
  const Status status =
      read.has_value() ? LoadBeside(std::move(read->files), nullptr) : read.error();
  files_ok_.Set(status.ok() ? 1 : 0);
  if (!status.ok()) {
    log::Error("changed rule files were not loaded, the rules are those of before",
               {{"err", status.message()}});
    return false;
  }
  file_reloads_.Add(1);
  log::Info("changed rule files were loaded", {{"files", std::to_string(versions_.size())}});
  return false;
}

void RuleService::Stop() {
  cancel_.request_stop();
  // Not under the mutex: the watcher may be waiting for it.
  if (watcher_ != nullptr) watcher_->Stop();
  for (const auto& evaluator : evaluators_) evaluator->Stop();
}

std::vector<std::shared_ptr<const rules::GroupView>> RuleService::Groups() const {
  const rules::Manager* manager = published_;
  if (manager == nullptr) return {};
  return manager->Groups();
}

std::vector<rules::AlertView> RuleService::Alerts() const {
  const rules::Manager* manager = published_;
  if (manager == nullptr) return {};
  return manager->Alerts();
}

}  // namespace tocsin::server
