/// What the system tells of this process, at this moment.

#pragma once

namespace tocsin::telemetry {

double ResidentBytes();
double OpenFiles();
/// User and system time.
double CpuSeconds();
/// What the allocator has given out and not got back.
double HeapBytes();

}  // namespace tocsin::telemetry
