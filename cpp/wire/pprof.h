/// Profiles in the form of pprof: a gzipped message of profile.proto, which `go tool pprof` and
/// every profile viewer read.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cpp/base/clock.h"

namespace tocsin::wire {

/// What a number of a sample counts: {"cpu", "nanoseconds"}.
struct ProfileValueType {
  std::string type;
  std::string unit;
};

/// One call stack and its numbers, one for each value type of the profile.
struct ProfileSample {
  std::vector<uint64_t> stack;  ///< Addresses, innermost first; all but that one behind the call.
  std::vector<int64_t> values;
};

/// A part of a file that is mapped into the process, by which viewers find names of functions.
struct ProfileMapping {
  uint64_t start = 0;
  uint64_t limit = 0;
  uint64_t offset = 0;  ///< In the file.
  std::string file;
};

/// What is known of an address without debug information.
struct ProfileSymbol {
  uint64_t address = 0;
  std::string function;
};

struct Profile {
  std::vector<ProfileValueType> value_types;
  std::vector<ProfileSample> samples;
  std::vector<ProfileMapping> mappings;  ///< Ascending.
  std::vector<ProfileSymbol> symbols;    ///< Ascending by address; addresses of samples.
  Nanos began = 0;
  Nanos duration = 0;
  ProfileValueType period_type;
  int64_t period = 0;  ///< Between two samples.
};

/// The bytes to be served, gzipped.
std::string EncodeProfile(const Profile& profile);

}  // namespace tocsin::wire
