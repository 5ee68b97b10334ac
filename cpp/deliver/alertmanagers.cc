#include "cpp/deliver/alertmanagers.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "cpp/base/log.h"
#include "cpp/discover/address.h"
#include "cpp/discover/file_discovery.h"
#include "cpp/model/label_defaults.h"
#include "cpp/model/labels.h"

namespace tocsin::deliver {
namespace {

constexpr std::string_view kAddress = "__address__";
constexpr std::string_view kScheme = "__scheme__";
constexpr std::string_view kPath = "__alerts_path__";
// Without files of targets there is nothing to look at but Alertmanagers on their way out.
constexpr Nanos kIdleInterval = kMinute;
constexpr Nanos kRetireInterval = kSecond;

std::string UrlOf(const Labels& labels) {
  std::string url(labels.Get(kScheme));
  url.append("://").append(labels.Get(kAddress));
  const std::string_view path = labels.Get(kPath);
  if (!path.starts_with('/')) url.push_back('/');
  return url.append(path);
}

/// The alerts as a set wants them; those themselves where it wants no others.
std::vector<SharedAlert> Relabelled(const relabel::Rules& rules,
                                    const std::vector<SharedAlert>& alerts) {
  if (rules.empty()) return alerts;
  std::vector<SharedAlert> kept;
  for (const SharedAlert& alert : alerts) {
    Labels labels = alert->labels;
    if (!rules.Apply(&labels)) continue;
    if (labels == alert->labels) {
      kept.push_back(alert);
      continue;
    }
    auto changed = std::make_shared<Alert>(*alert);
    changed->labels = std::move(labels);
    kept.push_back(std::move(changed));
  }
  return kept;
}

}  // namespace

/// One set at work. What it found is replaced under the lock of its owner.
class Alertmanagers::Set {
 public:
  using Clients = std::vector<std::unique_ptr<AlertmanagerClient>>;

  Set(AlertmanagerSet options, const AlertQueueOptions& queue, const Ports& ports)
      : options_(std::move(options)), queue_(queue), ports_(ports) {
    fetch_ = ports_.client(options_.client);
    for (const TargetFiles& files : options_.files) {
      files_.emplace_back(files, ports_.telemetry);
    }
  }

  bool IsFor(const AlertmanagerSet& options, const AlertQueueOptions& queue) const {
    return options_ == options && queue_ == queue;
  }
  bool follows_files() const { return !files_.empty(); }
  const Clients& clients() const { return clients_; }
  const std::vector<std::string>& dropped() const { return dropped_; }

  /// What is to be found now; nullopt if that is what was found last.
  struct Found {
    std::vector<std::string> urls;
    std::vector<std::string> dropped;
  };
  std::optional<Found> Look(Nanos now) {
    bool changed = !looked_;
    looked_ = true;
    for (discover::FileDiscovery& files : files_) changed = files.Refresh(now) || changed;
    if (!changed) return std::nullopt;
    Found found;
    std::vector<TargetGroup> groups = options_.groups;
    for (const discover::FileDiscovery& files : files_) {
      for (TargetGroup& group : files.Groups()) groups.push_back(std::move(group));
    }
    for (const TargetGroup& group : groups) {
      for (const std::string& address : group.targets) Find(address, group.labels, &found);
    }
    return found;
  }

  /// Clients for exactly these; who is not among them is moved to `retired`.
  void Take(Found found, Clients* retired) {
    Clients next;
    for (std::string& url : found.urls) {
      const auto known = std::ranges::find_if(
          clients_, [&](const auto& client) { return client != nullptr && client->url() == url; });
      if (known != clients_.end()) {
        next.push_back(std::move(*known));
      } else {
        AlertmanagerOptions options{std::move(url), options_.timeout, queue_};
        next.push_back(
            std::make_unique<AlertmanagerClient>(std::move(options), fetch_, ports_.telemetry));
      }
    }
    Retire(retired);
    clients_ = std::move(next);
    dropped_ = std::move(found.dropped);
  }

  /// Moves all clients there.
  void Retire(Clients* retired) {
    for (auto& client : clients_) {
      if (client == nullptr) continue;
      client->BeginStop();
      retired->push_back(std::move(client));
    }
    clients_.clear();
  }

  void Send(const std::vector<SharedAlert>& alerts) {
    if (clients_.empty()) return;
    const std::vector<SharedAlert> mine = Relabelled(options_.alert_relabelling, alerts);
    if (mine.empty()) return;
    for (const auto& client : clients_) client->Send(mine);
  }

 private:
  void Find(const std::string& address, const Labels& group, Found* found) const {
    Labels labels = group;
    const auto add = [&labels](std::string_view name, std::string_view value) {
      SetUnlessThere(&labels, name, value);
    };
    labels.Set(kAddress, address);
    add(kScheme, options_.scheme);
    add(kPath, options_.path_prefix + "/api/v2/alerts");
    const Labels before = labels;
    if (!options_.relabelling.Apply(&labels)) {
      found->dropped.push_back(UrlOf(before));
      return;
    }
    const Status good = labels.Has(kAddress) ? discover::CheckAddress(labels.Get(kAddress))
                                             : Status(StatusCode::kInvalidArgument, "no address");
    if (!good.ok()) {
      log::Error("Alertmanager refused", {{"address", address}, {"err", good.message()}});
      return;
    }
    std::string url = UrlOf(labels);
    if (std::ranges::find(found->urls, url) == found->urls.end()) {
      found->urls.push_back(std::move(url));
    }
  }

  const AlertmanagerSet options_;
  const AlertQueueOptions queue_;
  const Ports& ports_;
  http::FetchFunction fetch_;
  std::vector<discover::FileDiscovery> files_;
  bool looked_ = false;
  Clients clients_;
  std::vector<std::string> dropped_;
};

Alertmanagers::Alertmanagers(Ports ports)
    : ports_(std::move(ports)),
      discovered_(ports_.telemetry->GetGauge("prometheus_notifications_alertmanagers_discovered",
                                             "Alertmanagers that alerts are sent to.")),
      capacity_(ports_.telemetry->GetGauge("prometheus_notifications_queue_capacity",
                                           "Alerts that may wait for each Alertmanager.")) {}

Alertmanagers::~Alertmanagers() { Stop(); }

void Alertmanagers::SetAll(std::vector<AlertmanagerSet> sets, const AlertQueueOptions& queue,
                           Nanos now) {
  {
    const std::scoped_lock update(update_mutex_);
    capacity_.Set(static_cast<double>(queue.capacity));
    const std::scoped_lock lock(mutex_);
    std::vector<std::unique_ptr<Set>> next;
    for (AlertmanagerSet& wanted : sets) {
      const auto same = std::ranges::find_if(
          sets_, [&](const auto& set) { return set != nullptr && set->IsFor(wanted, queue); });
      next.push_back(same != sets_.end() ? std::move(*same)
                                         : std::make_unique<Set>(std::move(wanted), queue, ports_));
    }
    for (const auto& set : sets_) {
      if (set != nullptr) set->Retire(&retired_);
    }
    sets_ = std::move(next);
  }
  RunDue(now);
}

Nanos Alertmanagers::RunDue(Nanos now) {
  const std::scoped_lock update(update_mutex_);
  Nanos wait = kIdleInterval;
  // Only what holds the update lock changes the list, so that it may be walked without the other.
  for (const auto& set : sets_) {
    if (set->follows_files()) wait = std::min(wait, discover::FileDiscovery::kLookInterval);
    std::optional<Set::Found> found = set->Look(now);
    if (!found.has_value()) continue;
    const std::scoped_lock lock(mutex_);
    set->Take(*std::move(found), &retired_);
  }
  std::erase_if(retired_, [](const auto& client) { return client->ended(); });
  if (!retired_.empty()) wait = std::min(wait, kRetireInterval);
  discovered_.Set(static_cast<double>(Active().size()));
  return now + wait;
}

void Alertmanagers::Send(std::span<const Alert> alerts) {
  if (alerts.empty()) return;
  const std::scoped_lock lock(mutex_);
  if (sets_.empty()) return;
  std::vector<SharedAlert> shared;
  shared.reserve(alerts.size());
  for (const Alert& alert : alerts) shared.push_back(std::make_shared<const Alert>(alert));
  for (const auto& set : sets_) set->Send(shared);
}

std::vector<std::string> Alertmanagers::Active() const {
  const std::scoped_lock lock(mutex_);
  std::vector<std::string> urls;
  for (const auto& set : sets_) {
    for (const auto& client : set->clients()) urls.push_back(client->url());
  }
  return urls;
}

std::vector<std::string> Alertmanagers::Dropped() const {
  const std::scoped_lock lock(mutex_);
  std::vector<std::string> urls;
  for (const auto& set : sets_) {
    urls.insert(urls.end(), set->dropped().begin(), set->dropped().end());
  }
  return urls;
}

void Alertmanagers::Stop() {
  std::vector<std::unique_ptr<AlertmanagerClient>> ending;
  {
    const std::scoped_lock update(update_mutex_);
    const std::scoped_lock lock(mutex_);
    for (const auto& set : sets_) set->Retire(&retired_);
    sets_.clear();
    ending = std::move(retired_);
    retired_.clear();
  }
  ending.clear();  // Waits for each; all are ending at the same time.
}

}  // namespace tocsin::deliver
