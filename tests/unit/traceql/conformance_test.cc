// Upstream's own list of queries, in strict mode: what it calls valid must be valid, and what it
// refuses must be refused at the same step, by the grammar or by the types. TOCSIN_TRACEQL_EXAMPLES
// names another list of that form.

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "cpp/lib/yaml.h"
#include "cpp/traceql/ast.h"
#include "cpp/traceql/parser.h"
#include "cpp/traceql/validate.h"

namespace tocsin::traceql {
namespace {

std::optional<lib::Yaml> Examples() {
  const char* const given = std::getenv("TOCSIN_TRACEQL_EXAMPLES");
  const std::string path =
      given != nullptr && *given != '\0'
          ? std::string(given)
          : std::string(TOCSIN_SOURCE_DIR) + "/../shared/conformance/traceql/examples.yaml";
  const std::ifstream file(path);
  if (!file) {
    std::cout << "did not run: " << path << " is not here\n";
    EXPECT_EQ(given, nullptr) << "no list at " << path;
    return std::nullopt;
  }
  std::ostringstream text;
  text << file.rdbuf();
  Result<lib::Yaml> yaml = lib::Yaml::Parse(text.str());
  EXPECT_TRUE(yaml.has_value()) << yaml.error().ToString();
  if (!yaml.has_value()) return std::nullopt;
  return *std::move(yaml);
}

struct Verdict {
  std::string_view section;  // As the list calls it.
  std::string reason;
};

Verdict Judge(const std::string& text) {
  Result<Query> query = ParseSyntax(text, {.strict = true});
  if (!query.has_value()) return {"parse_fails", query.error().ToString()};
  const Status status = Validate(&*query);
  if (!status.ok()) return {"validate_fails", status.ToString()};
  const Result<Query> again = Parse(Print(*query), {.strict = true});
  if (!again.has_value()) return {"printed wrongly", again.error().ToString()};
  if (!(*again == *query)) return {"printed wrongly", Print(*query)};
  return {"valid", Print(*query)};
}

// What upstream parses but does not evaluate may be evaluated here, or refused for its types.
bool Agrees(std::string_view section, std::string_view verdict) {
  if (section == "unsupported") return verdict == "valid" || verdict == "validate_fails";
  return section == verdict;
}

TEST(ConformanceTest, StrictVerdictsAreUpstreams) {
  const std::optional<lib::Yaml> examples = Examples();
  if (!examples) return;
  int ran = 0;
  int passed = 0;
  for (const auto& [section, queries] : examples->members) {
    for (const lib::Yaml& item : queries.items) {
      const Verdict verdict = Judge(item.scalar);
      ++ran;
      if (Agrees(section.scalar, verdict.section)) {
        ++passed;
        continue;
      }
      std::cout << "FAIL  " << item.scalar << "\n      expected " << section.scalar << ", is "
                << verdict.section << ": " << verdict.reason << "\n";
      ADD_FAILURE() << item.scalar;
    }
  }
  EXPECT_GT(ran, 0);
  std::cout << "passed " << passed << " of " << ran << "\n";
}

}  // namespace
}  // namespace tocsin::traceql
