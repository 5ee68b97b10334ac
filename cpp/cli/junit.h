/// Results of tests as JUnit XML, which continuous integration shows.

#pragma once

#include <span>
#include <string>
#include <vector>

#include "cpp/base/clock.h"

namespace tocsin::cli {

struct JunitCase {
  std::string name;
  std::vector<std::string> failures;
};

struct JunitSuite {
  std::string name;
  Nanos time = 0;     ///< When it began.
  std::string error;  ///< Why it could not be run, if so.
  std::vector<JunitCase> cases;
};

std::string JunitXml(std::span<const JunitSuite> suites);

}  // namespace tocsin::cli
