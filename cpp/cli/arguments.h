/// The command line: `tocsin [SUBCOMMAND] [FLAGS]`.

#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cpp/base/status.h"

namespace tocsin::cli {

struct Arguments {
  std::string subcommand = "serve";  ///< What flags without a subcommand mean.
  std::string config_file;
  std::vector<std::pair<std::string, std::string>> overrides;  ///< Of --set, in order.
  std::string url = "http://127.0.0.1:3200";                   ///< --url.
  bool url_given = false;
  bool only_named_receivers = false;  ///< --web.listen-address was given: as Prometheus's users do.
  std::string query;                  ///< --q, of export.
  std::string start;                  ///< --start and --end (--from, --to), as typed.
  std::string end;
  std::string time;  ///< --time and --step, of promql.
  std::string step;
  std::string path;                      ///< --path, of promql: a data directory.
  std::string format;                    ///< --format
  std::string output;                    ///< --output
  bool json = false;                     ///< --json, of doctor.
  std::string lint = "duplicate-rules";  ///< --lint, of rules check.
  bool lint_fatal = false;               ///< --lint-fatal
  bool print_plain = false;              ///< --print-plain
  std::vector<std::string> run;          ///< --run, of rules test; may be repeated.
  std::string junit;                     ///< --junit
  bool debug = false;                    ///< --debug
  bool diff = false;                     ///< --diff
  std::string interval;                  ///< --interval, of rules backtest.
  std::vector<std::string> dimensions;   ///< --dimension; may be repeated.
  bool from_spans = false;               ///< --from-spans
  std::vector<std::string> positional;
  bool help = false;
  bool version = false;
};

/// kInvalidArgument naming the argument that is not understood. Flags take their value as the next
/// argument or after `=`, with one or two hyphens, as the users of Tempo, Prometheus and the
/// Collector type them.
Result<Arguments> Parse(std::span<const char* const> args);

/// What --help prints.
std::string Usage();

}  // namespace tocsin::cli
