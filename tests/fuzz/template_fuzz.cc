// Any text as a template: it is refused with a position, or it expands within its limits.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "cpp/base/check.h"
#include "cpp/template/alert_template.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using tocsin::tmpl::AlertTemplate;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = AlertTemplate::Parse(text);
  if (!parsed.has_value()) {
    TOCSIN_CHECK(parsed.error().message().starts_with("line "));
    return 0;
  }
  tocsin::tmpl::AlertEnvironment world;
  world.external_url = "http://localhost:3200/prefix";
  world.query = [](std::string_view) {
    return std::vector<tocsin::tmpl::QuerySample>{{tocsin::Labels{{"a", "b"}}, 1.5}};
  };
  const auto text_out = parsed->Expand(world, tocsin::Labels{{"job", "api"}}, 0.075);
  if (text_out.has_value() && text != *text_out) TOCSIN_CHECK(text_out->size() <= size_t{1} << 20);
  return 0;
}
