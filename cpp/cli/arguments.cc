#include "cpp/cli/arguments.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace tocsin::cli {
namespace {

constexpr std::array<std::string_view, 8> kSubcommands = {"serve", "config", "query",  "promql",
                                                          "rules", "export", "import", "doctor"};

// Flags that only say what they say.
struct TextFlag {
  std::string_view name;
  std::string Arguments::* value;
};
constexpr std::array<TextFlag, 16> kTextFlags = {{{"config", &Arguments::config_file},
                                                  {"config.file", &Arguments::config_file},
                                                  {"q", &Arguments::query},
                                                  {"start", &Arguments::start},
                                                  {"end", &Arguments::end},
                                                  {"time", &Arguments::time},
                                                  {"step", &Arguments::step},
                                                  {"path", &Arguments::path},
                                                  {"format", &Arguments::format},
                                                  {"output", &Arguments::output},
                                                  {"o", &Arguments::output},
                                                  {"lint", &Arguments::lint},
                                                  {"junit", &Arguments::junit},
                                                  {"from", &Arguments::start},
                                                  {"to", &Arguments::end},
                                                  {"interval", &Arguments::interval}}};

// Flags without a value.
struct BoolFlag {
  std::string_view name;
  bool Arguments::* value;
};
constexpr std::array<BoolFlag, 9> kBoolFlags = {{{"help", &Arguments::help},
                                                 {"h", &Arguments::help},
                                                 {"version", &Arguments::version},
                                                 {"json", &Arguments::json},
                                                 {"lint-fatal", &Arguments::lint_fatal},
                                                 {"print-plain", &Arguments::print_plain},
                                                 {"debug", &Arguments::debug},
                                                 {"diff", &Arguments::diff},
                                                 {"from-spans", &Arguments::from_spans}}};

struct Flag {
  std::string name;  // Without hyphens.
  std::optional<std::string> value;
};

Flag Split(std::string_view argument) {
  argument.remove_prefix(argument.starts_with("--") ? 2 : 1);
  const size_t equals = argument.find('=');
  if (equals == std::string_view::npos) return {std::string(argument), std::nullopt};
  return {std::string(argument.substr(0, equals)), std::string(argument.substr(equals + 1))};
}

Status AddOverride(const std::string& text, Arguments* arguments) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    return InvalidArgumentError("--set takes key.path=value, not \"" + text + "\"");
  }
  arguments->overrides.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  return {};
}

// Prometheus's flags without a value, and the keys that they switch on or off ("": it is on
// always).
struct Switch {
  std::string_view name;
  std::string_view key;
  std::string_view value;
};
constexpr std::array<Switch, 5> kSwitches = {
    {{"web.enable-admin-api", "web.enable_admin_api", "true"},
     {"web.enable-lifecycle", "web.enable_lifecycle", "true"},
     {"web.enable-remote-write-receiver", "", ""},
     {"alertmanager.drain-notification-queue-on-shutdown",
      "alerting.drain_notification_queue_on_shutdown", "true"},
     {"no-alertmanager.drain-notification-queue-on-shutdown",
      "alerting.drain_notification_queue_on_shutdown", "false"}}};

// Prometheus's flags with a value, and the keys that they set.
struct KeyFlag {
  std::string_view name;
  std::string_view key;
};
constexpr std::array<KeyFlag, 17> kKeyFlags = {
    {{"alertmanager.notification-queue-capacity", "alerting.notification_queue_capacity"},
     {"alertmanager.notification-batch-size", "alerting.notification_batch_size"},
     {"storage.path", "storage.path"},
     {"storage.tsdb.path", "storage.path"},
     {"storage.tsdb.retention.time", "storage.tsdb.retention.time"},
     {"query.timeout", "promql.timeout"},
     {"query.lookback-delta", "promql.lookback_delta"},
     {"query.max-samples", "promql.max_samples"},
     {"query.max-concurrency", "storage.trace.pool.max_workers"},
     {"rules.alert.for-outage-tolerance", "rules.for_outage_tolerance"},
     {"rules.alert.for-grace-period", "rules.for_grace_period"},
     {"rules.alert.resend-delay", "rules.resend_delay"},
     {"rules.max-concurrent-evals", "rules.max_concurrent_evals"},
     {"rules.restore", "rules.restore"},
     {"web.max-notifications-subscribers", "web.max_notifications_subscribers"},
     {"web.search.max-limit", "web.search_max_limit"},
     {"log.level", "server.log_level"}}};

// What can be asked for with --enable-feature and is off otherwise. Every other feature that
// Prometheus has a name for is on always, or means nothing here.
constexpr std::array<KeyFlag, 4> kFeatures = {
    {{"promql-delayed-name-removal", "promql.delayed_name_removal"},
     {"search-api", "web.enable_search_api"},
     {"use-start-timestamps", "promql.use_start_timestamps"},
     {"type-and-unit-labels", "promql.type_and_unit_labels"}}};

void EnableFeatures(std::string_view list, Arguments* arguments) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    const auto found = std::ranges::find(kFeatures, list.substr(0, comma), &KeyFlag::name);
    if (found != kFeatures.end()) arguments->overrides.emplace_back(found->key, "true");
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
}

// A flag that stands alone; false if there is no such flag.
bool ApplySwitch(const Flag& flag, Arguments* arguments) {
  if (flag.value) return false;
  const auto own = std::ranges::find(kBoolFlags, flag.name, &BoolFlag::name);
  if (own != kBoolFlags.end()) return arguments->*own->value = true;
  const auto found = std::ranges::find(kSwitches, flag.name, &Switch::name);
  if (found == kSwitches.end()) return false;
  if (!found->key.empty()) arguments->overrides.emplace_back(found->key, found->value);
  return true;
}

// A flag with a value; false if there is no such flag.
Result<bool> Apply(const std::string& name, const std::string& value, Arguments* arguments) {
  const auto text = std::ranges::find(kTextFlags, name, &TextFlag::name);
  if (text != kTextFlags.end()) {
    arguments->*text->value = value;
  } else if (name == "run") {
    arguments->run.push_back(value);
  } else if (name == "dimension") {
    arguments->dimensions.push_back(value);
  } else if (name == "set") {
    TOCSIN_RETURN_IF_ERROR(AddOverride(value, arguments));
  } else if (const auto key = std::ranges::find(kKeyFlags, name, &KeyFlag::name);
             key != kKeyFlags.end()) {
    arguments->overrides.emplace_back(key->key, value);
  } else if (name == "enable-feature") {
    EnableFeatures(value, arguments);
  } else if (name == "web.listen-address") {
    const size_t colon = value.rfind(':');
    if (colon == std::string::npos) {
      return InvalidArgumentError("--web.listen-address takes host:port, not \"" + value + "\"");
    }
    arguments->only_named_receivers = true;
    const std::string host = value.substr(0, colon);
    arguments->overrides.emplace_back("server.http_listen_address",
                                      host.empty() ? "0.0.0.0" : host);
    arguments->overrides.emplace_back("server.http_listen_port", value.substr(colon + 1));
  } else if (name == "url") {
    arguments->url = value.ends_with('/') ? value.substr(0, value.size() - 1) : value;
    arguments->url_given = true;
  } else {
    return false;
  }
  return true;
}

}  // namespace

Result<Arguments> Parse(std::span<const char* const> args) {
  Arguments arguments;
  bool subcommand_seen = false;
  for (size_t i = 0; i < args.size(); ++i) {
    const std::string_view argument = args[i];
    if (argument.size() < 2 || argument[0] != '-') {
      if (!subcommand_seen && std::ranges::find(kSubcommands, argument) != kSubcommands.end()) {
        arguments.subcommand = argument;
      } else if (!subcommand_seen) {
        return InvalidArgumentError("there is no subcommand \"" + std::string(argument) +
                                    "\"; see tocsin --help");
      } else {
        arguments.positional.emplace_back(argument);
      }
      subcommand_seen = true;
      continue;
    }
    Flag flag = Split(argument);
    if (ApplySwitch(flag, &arguments)) continue;
    const bool separate = !flag.value;
    if (separate && i + 1 < args.size()) flag.value = args[i + 1];
    TOCSIN_ASSIGN_OR_RETURN(const bool known,
                            Apply(flag.name, flag.value.value_or(""), &arguments));
    if (!known) {
      return InvalidArgumentError("there is no flag " + std::string(argument) +
                                  "; see tocsin --help");
    }
    if (!flag.value) {
      return InvalidArgumentError("flag " + std::string(argument) + " needs a value");
    }
    if (separate) ++i;
  }
  return arguments;
}

std::string Usage() {
  return R"(tocsin: traces in, alerts out

  tocsin [serve] [--config FILE] [--set KEY.PATH=VALUE]...
      Serve: the API on 3200, OTLP on 4317 and 4318, data in ./tocsin-data.
  tocsin config [--config FILE] [--set KEY.PATH=VALUE]...
      Print the configuration in force, and where each value comes from.
  tocsin query [--url URL] 'TRACEQL'
      Search traces of a running server.
  tocsin promql [--url URL | --path DIR] [--time TIME | --start TIME [--end TIME] [--step 15s]]
                [--format table|json|csv] 'EXPR'
      Evaluate PromQL on a running server, or in a data directory.
  tocsin rules check [--lint all|duplicate-rules|none] [--lint-fatal] [--print-plain] [FILE...]
      Check rule files: 0 good, 1 wrong, 3 with --lint-fatal for what only looks wrong.
  tocsin rules test [--run REGEX]... [--diff] [--debug] [--junit FILE] FILE...
      Run unit tests of rules, in the format of promtool.
  tocsin rules backtest --from TIME [--to TIME] [--path DIR] [--format table|csv|json|arrow]
                        [--interval 1m] [--dimension ATTRIBUTE]... [--from-spans] FILE...
      Tell when rules would have fired, over the history in a data directory that nobody serves.
  tocsin export [--url URL | --storage.path DIR] [--q 'TRACEQL'] [--start TIME] [--end TIME]
                [--format otlp-json|otlp-proto] [--output FILE[.gz|.zst]]
      Write traces to a file, or to standard output.
  tocsin import [--url URL | --storage.path DIR] FILE...
      Read traces from files of OTLP JSON or protobuf, compressed or not; - is standard input.
  tocsin doctor [--json] DIR
      Check a data directory that no server holds: 0 healthy, 1 damaged, 2 cannot be checked.

  --config, --config.file FILE       the configuration (YAML)
  --set KEY.PATH=VALUE               override one key
  --storage.path DIR                 the data directory
  --web.listen-address HOST:PORT     where the API listens; receivers then listen only where named
  --query.timeout, --query.lookback-delta, --query.max-samples, --query.max-concurrency,
  --storage.tsdb.retention.time, --rules.alert.for-outage-tolerance,
  --rules.alert.for-grace-period, --rules.alert.resend-delay, --rules.max-concurrent-evals,
  --alertmanager.notification-queue-capacity, --alertmanager.notification-batch-size,
  --[no-]alertmanager.drain-notification-queue-on-shutdown, --web.search.max-limit,
  --web.max-notifications-subscribers
                                     as at Prometheus
  --rules.restore exact|prometheus   what becomes of alerts over a restart (exact)
  --enable-feature NAME,...          promql-delayed-name-removal, use-start-timestamps,
                                     type-and-unit-labels, search-api
  --web.enable-admin-api             series may be deleted, snapshots made over the API
  --web.enable-lifecycle             /-/reload and /-/quit act
  --log.level LEVEL                  debug, info, warn or error
  --url URL                          the server to ask (http://127.0.0.1:3200)
  --start, --end, --time TIME        Unix seconds, 2026-11-22T15:36:42Z, now or -1h; so --from, --to
  --version, --help
)";
}

}  // namespace tocsin::cli
