/// Call stacks, and what the loader knows about their addresses. Private to this folder.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/profile/profiler.h"
#include "cpp/wire/pprof.h"

namespace tocsin::profile {

inline constexpr size_t kDeepest = 64;

/// The innermost frames. Plain memory: it is filled in by a signal handler.
struct Stack {
  std::array<void*, kDeepest> frames;
  size_t size = 0;

  std::span<void* const> view() const { return {frames.data(), size}; }
};

/// Loads what unwinding needs, so that a signal handler finds it there.
void PrepareUnwinding();

inline uint64_t AddressOf(const void* frame) { return reinterpret_cast<uint64_t>(frame); }

/// Addresses as profiles have them.
std::vector<uint64_t> Addresses(std::span<void* const> frames);

/// Fills in the mappings of the process and the names that the loader knows of what the samples
/// hold.
void Describe(wire::Profile* profile);

/// Sleeps in steps, looking at `interrupt` between them.
Status Wait(Nanos duration, const Interrupt& interrupt);

/// kInvalidArgument for a duration that no profile may have.
Status CheckDuration(Nanos duration);

}  // namespace tocsin::profile
