#include "cpp/cli/junit.h"

#include <string_view>

#include "cpp/base/rfc3339.h"

namespace tocsin::cli {
namespace {

std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped.append("&amp;");
        break;
      case '<':
        escaped.append("&lt;");
        break;
      case '>':
        escaped.append("&gt;");
        break;
      case '"':
        escaped.append("&#34;");
        break;
      case '\n':
        escaped.append("&#xA;");
        break;
      case '\t':
        escaped.append("&#x9;");
        break;
      default:
        // XML has no way to write other control characters.
        escaped.push_back(static_cast<unsigned char>(c) < ' ' ? '?' : c);
    }
  }
  return escaped;
}

std::string Attribute(std::string_view name, std::string_view value) {
  return " " + std::string(name) + "=\"" + Escaped(value) + "\"";
}

std::string CaseXml(const JunitCase& one) {
  std::string xml = "    <testcase" + Attribute("name", one.name) + ">\n";
  for (const std::string& failure : one.failures) {
    xml.append("      <failure>" + Escaped(failure) + "</failure>\n");
  }
  return xml + "    </testcase>\n";
}

}  // namespace

std::string JunitXml(std::span<const JunitSuite> suites) {
  std::string xml = "<testsuites>\n";
  for (const JunitSuite& suite : suites) {
    size_t failures = 0;
    for (const JunitCase& one : suite.cases) failures += one.failures.size();
    const std::string time = FormatRfc3339Seconds(suite.time / kSecond);
    xml.append("  <testsuite" + Attribute("name", suite.name) +
               Attribute("tests", std::to_string(suite.cases.size())) +
               Attribute("failures", std::to_string(failures)) +
               Attribute("errors", suite.error.empty() ? "0" : "1") + Attribute("skipped", "0") +
               Attribute("timestamp", std::string_view(time).substr(0, time.size() - 1)) + ">\n");
    if (!suite.error.empty()) {
      xml.append("    <testcase name=\"unknown\">\n      <error>" + Escaped(suite.error) +
                 "</error>\n    </testcase>\n");
    }
    for (const JunitCase& one : suite.cases) xml.append(CaseXml(one));
    xml.append("  </testsuite>\n");
  }
  return xml + "</testsuites>\n";
}

}  // namespace tocsin::cli
