# cmake -DFOLDER=ui -DOUTPUT=assets.cc -P embed.cmake: writes the files of a folder, compressed, as a
# C++ source that implements cpp/ui/assets.h. No tool but CMake is needed, so that a wheel builds
# from an sdist as from a clone.
file(GLOB names RELATIVE "${FOLDER}" "${FOLDER}/*")
list(FILTER names EXCLUDE REGEX "^package.json$")  # Is for the tests.
list(SORT names)
set(bytes "")
set(table "")
set(number 0)
foreach(name IN LISTS names)
  set(packed "${OUTPUT}.gz")
  file(ARCHIVE_CREATE OUTPUT "${packed}" PATHS "${FOLDER}/${name}" FORMAT raw COMPRESSION GZip
       COMPRESSION_LEVEL 9 MTIME "2000-01-01")
  file(READ "${packed}" hex HEX)
  file(REMOVE "${packed}")
  file(SHA256 "${FOLDER}/${name}" sum)
  string(SUBSTRING "${sum}" 0 20 sum)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
  string(APPEND bytes "constexpr unsigned char kBytes${number}[] = {${hex}};\n")
  string(APPEND table "    {\"${name}\", \"\\\"${sum}\\\"\", kBytes${number}},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE "${OUTPUT}" "// Written by cpp/ui/embed.cmake from the files of ui/.
#include \"cpp/ui/assets.h\"

namespace tocsin::ui {
namespace {

${bytes}
constexpr Asset kAssets[] = {
${table}};

}  // namespace

std::span<const Asset> Assets() { return kAssets; }

}  // namespace tocsin::ui
")
