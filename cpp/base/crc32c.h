/// CRC-32C (Castagnoli), the polynomial LevelDB and Prometheus use. With the processor's own
/// instruction where it has one (8 GB/s), else by table (0.4 GB/s).

#pragma once

#include <cstdint>
#include <string_view>

namespace tocsin {

uint32_t Crc32c(std::string_view bytes);

/// The checksum of what `crc` covers followed by `bytes`. Begin with 0:
/// Crc32c(all) == Crc32cExtend(Crc32cExtend(0, head), tail).
uint32_t Crc32cExtend(uint32_t crc, std::string_view bytes);

/// As Crc32c, on any processor; public for the test that compares the two.
uint32_t Crc32cPortable(std::string_view bytes);

}  // namespace tocsin
