#include "cpp/cli/rules_check.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cpp/cli/files.h"
#include "cpp/rules/plain_form.h"
#include "cpp/rules/rule_file.h"
#include "cpp/server/engine_options.h"
#include "cpp/server/rule_files.h"

namespace tocsin::cli {
namespace {

constexpr int kWrong = 1;
constexpr int kUsageError = 2;
constexpr int kLintError = 3;

void PrintError(const std::string& text) { std::fprintf(stderr, "%s\n", text.c_str()); }

/// Whether rules are looked for that stand there twice. Nullopt, with a complaint: no such option.
std::optional<bool> LintsDuplicates(const std::string& options) {
  bool duplicates = false;
  size_t begin = 0;
  while (begin <= options.size()) {
    const size_t end = std::min(options.find(',', begin), options.size());
    const std::string option = options.substr(begin, end - begin);
    if (option == "all" || option == "duplicate-rules") {
      duplicates = true;
    } else if (option != "none" && !option.empty()) {
      PrintError("tocsin: --lint takes all, duplicate-rules or none, not \"" + option + "\"");
      return std::nullopt;
    }
    begin = end + 1;
  }
  return duplicates;
}

/// What promtool says of rules of one name and the same labels; "" if there are none.
std::string DescribeDuplicates(const rules::RuleFile& file) {
  std::map<std::pair<std::string, Labels>, std::vector<int>> lines;
  for (const rules::GroupSpec& group : file.groups) {
    for (const rules::RuleSpec& rule : group.rules) {
      Labels labels;
      for (const rules::TemplatedText& label : rule.labels) labels.Set(label.name, label.text);
      lines[{rule.name, std::move(labels)}].push_back(rule.line);
    }
  }
  std::erase_if(lines, [](const auto& entry) { return entry.second.size() < 2; });
  if (lines.empty()) return "";
  std::string text = "lint error " + std::to_string(lines.size()) + " duplicate rule(s) found.\n";
  for (const auto& [rule, places] : lines) {
    text.append("Metric: " + rule.first + "\nLabel(s):\n");
    for (const auto& [name, value] : rule.second) {
      text.append("\t").append(name).append(": ").append(value).append("\n");
    }
    for (const int line : places) {
      text.append("\tat " + file.path + ":" + std::to_string(line) + "\n");
    }
  }
  return text + "Might cause inconsistency while recording expressions";
}

/// The files that are meant, in the order of the arguments.
Result<std::vector<std::string>> FilesOf(const std::vector<std::string>& patterns) {
  std::vector<std::string> files;
  for (const std::string& pattern : patterns) {
    TOCSIN_ASSIGN_OR_RETURN(const server::FileVersions found, server::FindRuleFiles({pattern}));
    if (found.empty()) return NotFoundError("no file matches " + pattern);
    for (const auto& [path, version] : found) files.push_back(path);
  }
  return files;
}

/// Prints what is to be said about a file; the exit code that it alone would give.
int CheckFile(const std::string& path, bool lint_duplicates) {
  const bool is_input = path == "-";
  std::printf("Checking %s\n", is_input ? "standard input" : path.c_str());
  std::fflush(stdout);  // What is wrong goes to another stream, and belongs below.
  const Result<std::string> text = ReadText(path);
  if (!text.has_value()) {
    PrintError("  FAILED:\n" + std::string(text.error().message()) + "\n");
    return kWrong;
  }
  const Result<rules::RuleFile> file =
      rules::ParseRuleFile(is_input ? "<stdin>" : path, *text, server::ServedPromQl());
  if (!file.has_value()) {
    PrintError("  FAILED:\n" + std::string(file.error().message()) + "\n");
    return kWrong;
  }
  for (const std::string& warning : file->warnings) PrintError("  WARNING: " + warning);
  const std::string duplicates = lint_duplicates ? DescribeDuplicates(*file) : "";
  if (!duplicates.empty()) {
    PrintError("  FAILED:\n" + duplicates + "\n");
    return kLintError;
  }
  size_t count = 0;
  for (const rules::GroupSpec& group : file->groups) count += group.rules.size();
  std::printf("  SUCCESS: %zu rules found\n\n", count);
  return 0;
}

int PrintPlain(const std::vector<std::string>& files) {
  if (files.size() != 1) {
    PrintError("tocsin: --print-plain takes one file");
    return kUsageError;
  }
  const Result<std::string> text = ReadText(files.front());
  if (!text.has_value()) {
    PrintError("tocsin: " + std::string(text.error().message()));
    return kWrong;
  }
  const Result<rules::RuleFile> file =
      rules::ParseRuleFile(files.front(), *text, server::ServedPromQl());
  const Result<std::string> plain = rules::PlainForm(*text);
  if (!file.has_value() || !plain.has_value()) {
    PrintError(std::string((file.has_value() ? plain.error() : file.error()).message()));
    return kWrong;
  }
  std::printf("%s", plain->c_str());
  return 0;
}

}  // namespace

int CheckRules(const Arguments& arguments) {
  const std::optional<bool> lint_duplicates = LintsDuplicates(arguments.lint);
  if (!lint_duplicates) return kUsageError;
  Result<std::vector<std::string>> files = FilesOf(arguments.positional);
  if (!files.has_value()) {
    PrintError("tocsin: " + std::string(files.error().message()));
    return kWrong;
  }
  if (files->empty()) files->emplace_back("-");
  if (arguments.print_plain) return PrintPlain(*files);
  bool wrong = false;
  bool lint = false;
  for (const std::string& file : *files) {
    const int code = CheckFile(file, *lint_duplicates);
    wrong = wrong || code == kWrong;
    lint = lint || code == kLintError;
  }
  if (wrong) return kWrong;
  return lint && arguments.lint_fatal ? kLintError : 0;
}

}  // namespace tocsin::cli
