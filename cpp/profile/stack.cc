#include "cpp/profile/stack.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <set>
#include <string_view>
#include <thread>

#include <cxxabi.h>
#include <dlfcn.h>
#include <execinfo.h>

namespace tocsin::profile {
namespace {

// A line of /proc/self/maps: "55d0-55d9 r-xp 00001000 fe:01 1234   /usr/bin/x".
bool ReadMapping(const std::string& line, wire::ProfileMapping* mapping) {
  const size_t dash = line.find('-');
  const size_t blank = line.find(' ');
  if (dash == std::string::npos || blank == std::string::npos || dash > blank) return false;
  if (line.compare(blank + 1, 4, "r-xp") != 0) return false;
  const auto hex = [&line](size_t begin, size_t end, uint64_t* out) {
    const auto [stop, error] = std::from_chars(line.data() + begin, line.data() + end, *out, 16);
    return error == std::errc() && stop == line.data() + end;
  };
  const size_t offset = blank + 6;
  const size_t offset_end = line.find(' ', offset);
  const size_t file = line.find('/', offset);
  if (offset_end == std::string::npos || file == std::string::npos) return false;
  mapping->file = line.substr(file);
  return hex(0, dash, &mapping->start) && hex(dash + 1, blank, &mapping->limit) &&
         hex(offset, offset_end, &mapping->offset);
}

std::string FunctionAt(uint64_t address) {
  Dl_info info;
  // NOLINTNEXTLINE(performance-no-int-to-ptr): addresses of code that a profile has kept.
  const auto* code = reinterpret_cast<const void*>(address);
  if (dladdr(code, &info) == 0 || info.dli_sname == nullptr) return {};
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> plain(
      abi::__cxa_demangle(info.dli_sname, nullptr, nullptr, &status), &std::free);
  return status == 0 ? plain.get() : info.dli_sname;
}

}  // namespace

void PrepareUnwinding() {
  std::array<void*, 4> frames;
  static_cast<void>(backtrace(frames.data(), frames.size()));
}

std::vector<uint64_t> Addresses(std::span<void* const> frames) {
  std::vector<uint64_t> addresses;
  addresses.reserve(frames.size());
  for (void* frame : frames) addresses.push_back(AddressOf(frame));
  return addresses;
}

void Describe(wire::Profile* profile) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    wire::ProfileMapping mapping;
    if (ReadMapping(line, &mapping)) profile->mappings.push_back(std::move(mapping));
  }
  std::set<uint64_t> addresses;
  for (const wire::ProfileSample& sample : profile->samples) {
    addresses.insert(sample.stack.begin(), sample.stack.end());
  }
  for (const uint64_t address : addresses) {
    std::string function = FunctionAt(address);
    if (!function.empty()) profile->symbols.push_back({address, std::move(function)});
  }
}

Status Wait(Nanos duration, const Interrupt& interrupt) {
  using Steady = std::chrono::steady_clock;
  constexpr auto kStep = std::chrono::milliseconds(50);
  const auto end = Steady::now() + std::chrono::nanoseconds(duration);
  for (auto now = Steady::now(); now < end; now = Steady::now()) {
    TOCSIN_RETURN_IF_ERROR(interrupt());
    std::this_thread::sleep_for(std::min<Steady::duration>(kStep, end - now));
  }
  return {};
}

Status CheckDuration(Nanos duration) {
  if (duration > 0 && duration <= kLongest) return {};
  return InvalidArgumentError("a profile takes more than 0 and at most " +
                              std::to_string(kLongest / kSecond) + " seconds");
}

}  // namespace tocsin::profile
