#include "cpp/cli/rules.h"

#include <cstdio>
#include <string>
#include <utility>

#include "cpp/cli/rules_backtest.h"
#include "cpp/cli/rules_check.h"
#include "cpp/cli/rules_test.h"

namespace tocsin::cli {

int RunRules(const Arguments& arguments) {
  Arguments rest = arguments;
  std::string command;
  if (!rest.positional.empty()) {
    command = std::move(rest.positional.front());
    rest.positional.erase(rest.positional.begin());
  }
  if (command == "check") return CheckRules(rest);
  if (command == "test") return TestRules(rest);
  if (command == "backtest") return BacktestRules(rest);
  std::fprintf(stderr, "tocsin: tocsin rules takes check, test or backtest; see tocsin --help\n");
  return 2;
}

}  // namespace tocsin::cli
