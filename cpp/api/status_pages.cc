#include "cpp/api/status_pages.h"

#include <algorithm>
#include <array>
#include <memory>
#include <tuple>
#include <utility>

#include "cpp/base/status.h"

namespace tocsin::api {
namespace {

using Row = std::vector<std::string>;

// Columns of text, as wide as they need to be.
std::string Table(const std::vector<Row>& rows) {
  std::vector<size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      text += row[i];
      if (i + 1 < row.size()) text.append(widths[i] - row[i].size() + 2, ' ');
    }
    text += '\n';
  }
  return text;
}

size_t IndentOf(std::string_view line) {
  return std::min(line.find_first_not_of(" -"), line.size());
}

// The lines that somebody has set, with the names of the maps around them.
std::string Diff(std::string_view yaml) {
  struct Map {
    std::string_view line;
    bool told = false;
  };
  std::vector<Map> around;
  std::string out;
  while (!yaml.empty()) {
    const size_t end = std::min(yaml.find('\n'), yaml.size());
    const std::string_view line = yaml.substr(0, end);
    yaml.remove_prefix(std::min(end + 1, yaml.size()));
    while (!around.empty() && IndentOf(around.back().line) >= IndentOf(line)) around.pop_back();
    if (line.ends_with(":")) {
      around.push_back({line});
    } else if (!line.empty() && !line.ends_with("# default")) {
      for (Map& map : around) {
        if (!std::exchange(map.told, true)) out.append(map.line).append("\n");
      }
      out.append(line).append("\n");
    }
  }
  return out.empty() ? "{}\n" : out;
}

class StatusPages {
 public:
  StatusPages(StatusBackend backend, const http::Router* router)
      : backend_(std::move(backend)), router_(*router) {}

  std::string Version() const {
    return "tocsin, version " + backend_.version + " (revision: " + backend_.revision + ")\n";
  }

  std::string Services() const {
    std::vector<Row> rows = {{"service name", "status", "failure case"}};
    for (const StatusBackend::Part& part : backend_.parts()) {
      rows.push_back({part.name, part.state});
    }
    return Table(rows);
  }

  std::string Endpoints() const {
    std::vector<Row> rows = {{"method", "path"}};
    for (const auto& [method, pattern] : router_.Patterns()) rows.push_back({method, pattern});
    std::sort(rows.begin() + 1, rows.end(), [](const Row& a, const Row& b) {
      return std::tie(a[1], a[0]) < std::tie(b[1], b[0]);
    });
    return Table(rows);
  }

  Result<std::string> Config(std::string_view mode) const {
    if (mode.empty()) return backend_.config;
    if (mode == "defaults") return backend_.default_config;
    if (mode == "diff") return Diff(backend_.config);
    return InvalidArgumentError("unknown value for mode parameter: " + std::string(mode));
  }

  // As the file of tenants says it. JSON is YAML.
  std::string RuntimeConfig() const {
    std::string text;
    for (const StatusBackend::Overrides& of : backend_.overrides()) {
      if (of.runtime == "{}") continue;
      text.append("  ").append(of.tenant).append(": ").append(of.runtime).append("\n");
    }
    return text.empty() ? "overrides: {}\n" : "overrides:\n" + text;
  }

  std::string Overrides() const {
    std::vector<Row> rows = {{"tenant", "user-configurable overrides", "runtime overrides"}};
    for (const StatusBackend::Overrides& of : backend_.overrides()) {
      rows.push_back(
          {of.tenant, of.user == "{}" ? "no" : "yes", of.runtime == "{}" ? "no" : "yes"});
    }
    return Table(rows);
  }

  http::Response OverridesOf(std::string_view tenant) const {
    for (const StatusBackend::Overrides& of : backend_.overrides()) {
      if (of.tenant != tenant) continue;
      return http::Response::Text(200, "tenant: " + of.tenant + "\noverrides: " + of.user +
                                           "\nruntime_overrides: " + of.runtime + "\n");
    }
    return http::Response::Text(404, "no such tenant: " + std::string(tenant) + "\n");
  }

  static std::string UsageStats() {
    return "Nothing is reported to anyone: this server makes no calls that are not configured.\n";
  }

  // The bytes received, by tenant, under the name that Tempo's cost attribution has.
  std::string UsageMetrics() const {
    constexpr std::string_view kReceived = "tempo_distributor_bytes_received_total{";
    constexpr std::string_view kName = "tempo_usage_tracker_bytes_received_total";
    std::string out;
    out.append("# HELP ").append(kName).append(" bytes total received\n");
    out.append("# TYPE ").append(kName).append(" counter\n");
    const std::string all = backend_.metrics();
    for (size_t at = 0; at < all.size();) {
      const size_t end = std::min(all.find('\n', at), all.size());
      const std::string_view line = std::string_view(all).substr(at, end - at);
      at = end + 1;
      if (!line.starts_with(kReceived)) continue;
      out.append(kName).append("{tracker=\"cost-attribution\",");
      out.append(line.substr(kReceived.size())).append("\n");
    }
    return out;
  }

  std::string Everything() const {
    std::string text;
    const auto add = [&](std::string_view path, const std::string& page) {
      text.append("GET /status/").append(path).append("\n").append(page).append("\n");
    };
    add("version", Version());
    add("services", Services());
    add("endpoints", Endpoints());
    add("runtime_config", RuntimeConfig());
    add("config", backend_.config);
    return text;
  }

 private:
  const StatusBackend backend_;
  const http::Router& router_;
};

// Pages of the parts of a cluster.
constexpr std::array<const char*, 14> kClusterPages = {"/memberlist",
                                                       "/distributor/ring",
                                                       "/ingester/ring",
                                                       "/live-store/ring",
                                                       "/partition-ring",
                                                       "/compactor/ring",
                                                       "/metrics-generator/ring",
                                                       "/backend-worker/ring",
                                                       "/status/backendscheduler",
                                                       "/shutdown",
                                                       "/live-store/prepare-downscale",
                                                       "/live-store/prepare-partition-downscale",
                                                       "/ingester/prepare-downscale",
                                                       "/ingester/prepare-partition-downscale"};

}  // namespace

void RegisterStatusPages(StatusBackend backend, http::Router* router) {
  const auto pages = std::make_shared<const StatusPages>(std::move(backend), router);
  const auto page = [&](const char* path, auto make) {
    router->Handle("GET", path, [pages, make](const http::Request&) {
      return http::Response::Text(200, make(*pages));
    });
  };
  page("/status", [](const StatusPages& of) { return of.Everything(); });
  page("/status/version", [](const StatusPages& of) { return of.Version(); });
  page("/status/services", [](const StatusPages& of) { return of.Services(); });
  page("/status/endpoints", [](const StatusPages& of) { return of.Endpoints(); });
  page("/status/runtime_config", [](const StatusPages& of) { return of.RuntimeConfig(); });
  page("/status/overrides", [](const StatusPages& of) { return of.Overrides(); });
  page("/status/usage-stats", [](const StatusPages&) { return StatusPages::UsageStats(); });
  page("/usage_metrics", [](const StatusPages& of) { return of.UsageMetrics(); });
  router->Handle("GET", "/status/config", [pages](const http::Request& request) {
    const Result<std::string> config = pages->Config(request.Query("mode").value_or(""));
    return config ? http::Response::Text(200, *config)
                  : http::Response::Text(400, config.error().message());
  });
  router->Handle("GET", "/status/overrides/{tenant}", [pages](const http::Request& request) {
    return pages->OverridesOf(request.Param("tenant"));
  });
  for (const char* path : kClusterPages) {
    router->Handle("GET", path, [](const http::Request& request) {
      return http::Response::Text(404, "404 " + request.path +
                                           ": this is one process; it has no ring and no members. "
                                           "See /status\n");
    });
  }
}

}  // namespace tocsin::api
