// The command. Subcommands: serve, config, query, promql, rules, export, import, doctor.

#include <cstdio>
#include <fstream>
#include <iterator>
#include <optional>
#include <span>
#include <string>

#include "cpp/base/log.h"
#include "cpp/base/process_limits.h"
#include "cpp/base/version.h"
#include "cpp/cli/arguments.h"
#include "cpp/cli/ask.h"
#include "cpp/cli/doctor.h"
#include "cpp/cli/export.h"
#include "cpp/cli/import.h"
#include "cpp/cli/promql.h"
#include "cpp/cli/rules.h"
#include "cpp/config/load.h"
#include "cpp/engine/memory_budgets.h"
#include "cpp/server/revision.h"
#include "cpp/server/serve.h"
#include "cpp/server/signals.h"

namespace tocsin::cli {
namespace {

constexpr int kFailed = 1;
constexpr int kUsageError = 2;

int Complain(const Status& status) {
  std::fprintf(stderr, "tocsin: %s\n", std::string(status.message()).c_str());
  return status.code() == StatusCode::kInvalidArgument ? kUsageError : kFailed;
}

Result<config::Loaded> LoadConfig(const Arguments& arguments) {
  config::Source source;
  source.file_name = arguments.config_file;
  source.overrides = arguments.overrides;
  source.only_named_receivers = arguments.only_named_receivers;
  if (!arguments.config_file.empty()) {
    std::ifstream file(arguments.config_file, std::ios::binary);
    if (!file) return NotFoundError("cannot read " + arguments.config_file);
    source.text.assign(std::istreambuf_iterator<char>(file), {});
  }
  return config::Load(source);
}

// `text` as it is.
int Print(const Result<std::string>& text) {
  if (!text) return Complain(text.error());
  const bool written = std::fwrite(text->data(), 1, text->size(), stdout) == text->size();
  return written && std::fflush(stdout) == 0 ? 0 : kFailed;
}

int PrintAnswer(const Result<std::string>& answer) {
  if (!answer) return Complain(answer.error());
  return Print(*answer + "\n");
}

// Whether a directory is meant, not a server.
bool NamesDirectory(const Arguments& arguments) {
  return !arguments.url_given && (!arguments.config_file.empty() || !arguments.overrides.empty());
}

int RunTransfer(const Arguments& arguments) {
  std::optional<config::Loaded> loaded;
  if (NamesDirectory(arguments)) {
    Result<config::Loaded> found = LoadConfig(arguments);
    if (!found) return Complain(found.error());
    loaded = *std::move(found);
  }
  if (arguments.subcommand == "export") {
    if (!arguments.positional.empty()) {
      return Complain(InvalidArgumentError("what is \"" + arguments.positional.front() + "\"?"));
    }
    const Status status = Export(arguments, loaded ? loaded->config.storage.path : "");
    return status.ok() ? 0 : Complain(status);
  }
  const Status status = Import(arguments, loaded ? &loaded->config : nullptr);
  if (status.ok()) return 0;
  Complain(status);
  return arguments.positional.empty() ? kUsageError : kFailed;
}

int RunDoctor(const Arguments& arguments) {
  if (arguments.positional.size() != 1) {
    return Complain(InvalidArgumentError("tocsin doctor takes one directory"));
  }
  const Result<bool> healthy = Doctor(arguments.positional.front(), arguments.json);
  if (healthy) return *healthy ? 0 : kFailed;
  Complain(healthy.error());
  return kUsageError;
}

int Run(const Arguments& arguments) {
  if (arguments.subcommand == "export" || arguments.subcommand == "import") {
    log::SetLevel(log::Level::kWarn);
    return RunTransfer(arguments);
  }
  if (arguments.subcommand == "doctor") {
    log::SetLevel(log::Level::kError);
    return RunDoctor(arguments);
  }
  if (arguments.subcommand == "query") {
    if (arguments.positional.size() != 1) {
      return Complain(InvalidArgumentError("tocsin query takes one query, in quotes"));
    }
    return PrintAnswer(AskTraceQl(arguments.url, arguments.positional.front()));
  }
  if (arguments.subcommand == "promql") {
    log::SetLevel(log::Level::kError);
    return Print(PromQl(arguments));
  }
  if (arguments.subcommand == "rules") {
    log::SetLevel(log::Level::kError);
    return RunRules(arguments);
  }
  if (!arguments.positional.empty()) {
    return Complain(InvalidArgumentError("what is \"" + arguments.positional.front() + "\"?"));
  }
  const Result<config::Loaded> loaded = LoadConfig(arguments);
  if (!loaded) return Complain(loaded.error());
  if (arguments.subcommand == "config") {
    const engine::MemoryBudgets memory = engine::DivideMemory(loaded->config, FindMemoryLimit());
    std::printf("%s%s", loaded->effective.c_str(), engine::DescribeMemory(memory).c_str());
    return 0;
  }
  for (const std::string& warning : loaded->warnings) {
    log::Warn("configuration", {{"warning", warning}});
  }
  server::BlockSignals();
  const Status status = server::Serve(*loaded, [&arguments] { return LoadConfig(arguments); });
  return status.ok() ? 0 : Complain(status);
}

int Main(std::span<const char* const> args) {
  const Result<Arguments> arguments = Parse(args);
  if (!arguments) return Complain(arguments.error());
  if (arguments->help) {
    std::printf("%s", Usage().c_str());
    return 0;
  }
  if (arguments->version) {
    std::printf("tocsin %s %s\n", std::string(Version()).c_str(),
                std::string(server::Revision()).c_str());
    return 0;
  }
  return Run(*arguments);
}

}  // namespace
}  // namespace tocsin::cli

int main(int argc, char** argv) {
  const std::span<const char* const> args(argv, static_cast<size_t>(argc));
  return tocsin::cli::Main(args.subspan(1));
}
