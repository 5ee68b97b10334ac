/// MD5, which `hashmod` is defined by. For nothing that must withstand an attack.

#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace tocsin::relabel {

std::array<uint8_t, 16> Md5(std::string_view bytes);

}  // namespace tocsin::relabel
