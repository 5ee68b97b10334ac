// Upstream's own list of queries, in strict mode: what it calls valid must parse, or be refused as
// not supported yet; what it refuses must be refused.

#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "cpp/lib/yaml.h"
#include "cpp/traceql/ast.h"
#include "cpp/traceql/parser.h"

namespace tocsin::traceql {
namespace {

constexpr std::string_view kNotYet = "is not supported in this version";

TEST(ConformanceTest, StrictVerdictsAreUpstreams) {
  const std::string path =
      std::string(TOCSIN_SOURCE_DIR) + "/../shared/conformance/traceql/examples.yaml";
  const std::ifstream file(path);
  if (!file) {
    std::cout << "did not run: " << path << " is not here\n";
    return;
  }
  std::ostringstream text;
  text << file.rdbuf();
  const Result<lib::Yaml> yaml = lib::Yaml::Parse(text.str());
  ASSERT_TRUE(yaml.has_value()) << yaml.error().ToString();

  int ran = 0;
  int not_yet = 0;
  for (const auto& [section, queries] : yaml->members) {
    for (const lib::Yaml& item : queries.items) {
      SCOPED_TRACE(section.scalar + ": " + item.scalar);
      const Result<Query> query = Parse(item.scalar, {.strict = true});
      ++ran;
      if (section.scalar == "valid" && !query.has_value()) {
        ++not_yet;
        EXPECT_NE(query.error().message().find(kNotYet), std::string_view::npos)
            << query.error().ToString();
      } else if (section.scalar == "parse_fails" || section.scalar == "validate_fails") {
        EXPECT_FALSE(query.has_value());
      }
      if (query.has_value()) {
        const Result<Query> again = Parse(Print(*query), {.strict = true});
        ASSERT_TRUE(again.has_value()) << Print(*query);
        EXPECT_TRUE(*again == *query) << Print(*query);
      }
    }
  }
  EXPECT_GT(ran, 0);
  std::cout << "ran " << ran << " queries, of them " << not_yet << " of the language to come\n";
}

}  // namespace
}  // namespace tocsin::traceql
