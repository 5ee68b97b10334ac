# tocsin_module(cpp/traceql SOURCES parser.cc executor.cc DEPS cpp/base cpp/model [THIRD_PARTY ...])
#
# One static library for one folder, known as tocsin::cpp_traceql. Every DEPS entry must already
# exist, so CMakeLists.txt reads from the bottom of the architecture to the top, and a dependency
# on a higher layer fails at configure time with the line that asked for it. Which includes are
# allowed is a finer question, and tests/tidy/test_layers.py answers it.
function(tocsin_module path)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPS;THIRD_PARTY")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "tocsin_module(${path}): what is ${arg_UNPARSED_ARGUMENTS}?")
  endif()
  list(TRANSFORM arg_SOURCES PREPEND "${PROJECT_SOURCE_DIR}/${path}/" REGEX "^[^/]")
  string(REPLACE "/" "_" name "${path}")
  if(NOT arg_SOURCES)  # Headers only.
    add_library(tocsin_${name} INTERFACE)
    add_library(tocsin::${name} ALIAS tocsin_${name})
    foreach(dep IN LISTS arg_DEPS)
      string(REPLACE "/" "_" dep_name "${dep}")
      target_link_libraries(tocsin_${name} INTERFACE tocsin::${dep_name})
    endforeach()
    return()
  endif()
  add_library(tocsin_${name} STATIC ${arg_SOURCES})
  add_library(tocsin::${name} ALIAS tocsin_${name})
  target_include_directories(tocsin_${name} PUBLIC "${PROJECT_SOURCE_DIR}" "${PROJECT_BINARY_DIR}")
  target_link_libraries(tocsin_${name} PRIVATE tocsin_flags)
  foreach(dep IN LISTS arg_DEPS)
    string(REPLACE "/" "_" dep_name "${dep}")
    if(NOT TARGET tocsin::${dep_name})
      message(FATAL_ERROR "${path} depends on ${dep}, which is above it or does not exist")
    endif()
    target_link_libraries(tocsin_${name} PUBLIC tocsin::${dep_name})
  endforeach()
  # PRIVATE: a third-party library stays behind the headers of its one home.
  target_link_libraries(tocsin_${name} PRIVATE ${arg_THIRD_PARTY})
endfunction()

# tocsin_unit_test(traceql SOURCES parser_test.cc DEPS cpp/traceql): one GoogleTest binary for one
# folder of tests/unit, registered with ctest as unit/traceql. It finds the tests' data by
# TOCSIN_SOURCE_DIR.
function(tocsin_unit_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPS;THIRD_PARTY")
  if(NOT TOCSIN_TESTS)
    return()
  endif()
  add_executable(unit_${name} ${arg_SOURCES})
  target_link_libraries(unit_${name} PRIVATE tocsin_flags GTest::gmock GTest::gtest_main ${arg_THIRD_PARTY})
  target_compile_definitions(unit_${name} PRIVATE TOCSIN_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  foreach(dep IN LISTS arg_DEPS)
    string(REPLACE "/" "_" dep_name "${dep}")
    target_link_libraries(unit_${name} PRIVATE tocsin::${dep_name})
  endforeach()
  add_test(NAME unit/${name} COMMAND unit_${name})
endfunction()

# tocsin_fuzz_target(otlp SOURCES otlp_fuzz.cc DEPS cpp/wire): with TOCSIN_FUZZ a libFuzzer binary,
# otherwise a program that replays its corpus, tests/fuzz/corpus/<name>/, and is a test.
function(tocsin_fuzz_target name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPS;THIRD_PARTY")
  if(NOT TOCSIN_TESTS)
    return()
  endif()
  add_executable(fuzz_${name} ${arg_SOURCES})
  target_link_libraries(fuzz_${name} PRIVATE tocsin_flags ${arg_THIRD_PARTY})
  foreach(dep IN LISTS arg_DEPS)
    string(REPLACE "/" "_" dep_name "${dep}")
    target_link_libraries(fuzz_${name} PRIVATE tocsin::${dep_name})
  endforeach()
  if(TOCSIN_FUZZ)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  else()
    target_sources(fuzz_${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests/fuzz/replay_main.cc)
    add_test(NAME fuzz/${name}
             COMMAND fuzz_${name} ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name})
  endif()
endfunction()
