#include "tests/unit/wire/sample_requests.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <utility>

namespace tocsin::wire {
namespace {

using opentelemetry::proto::common::v1::AnyValue;
using opentelemetry::proto::common::v1::KeyValue;
using opentelemetry::proto::trace::v1::Span;
using opentelemetry::proto::trace::v1::Status;
using Attributes = google::protobuf::RepeatedPtrField<KeyValue>;

constexpr uint64_t kStart = 1'700'000'000'000'000'000;

std::string Id(size_t size, uint8_t first) {
  std::string id(size, '\0');
  for (size_t i = 0; i < size; ++i) id[i] = static_cast<char>(first + i);
  return id;
}

AnyValue* AddAttribute(Attributes* attributes, const std::string& key) {
  KeyValue* attribute = attributes->Add();
  attribute->set_key(key);
  return attribute->mutable_value();
}

// One attribute of every type, with the values at which encodings differ.
void AddOneOfEach(Attributes* attributes) {
  AddAttribute(attributes, "string")->set_string_value("Grüße, \"世界\"\n<&>");
  AddAttribute(attributes, "empty string")->set_string_value("");
  AddAttribute(attributes, "true")->set_bool_value(true);
  AddAttribute(attributes, "false")->set_bool_value(false);
  AddAttribute(attributes, "int")->set_int_value(200);
  AddAttribute(attributes, "int max")->set_int_value(std::numeric_limits<int64_t>::max());
  AddAttribute(attributes, "int min")->set_int_value(std::numeric_limits<int64_t>::min());
  AddAttribute(attributes, "double")->set_double_value(0.1);
  AddAttribute(attributes, "minus zero")->set_double_value(-0.0);
  AddAttribute(attributes, "large")->set_double_value(1.5e300);
  AddAttribute(attributes, "nan")->set_double_value(std::numeric_limits<double>::quiet_NaN());
  AddAttribute(attributes, "inf")->set_double_value(-std::numeric_limits<double>::infinity());
  AddAttribute(attributes, "bytes")->set_bytes_value(std::string("\xff\x00\xfe", 3));
  AddAttribute(attributes, "no value");
  AddAttribute(attributes, "string")->set_string_value("the key again");
  AddAttribute(attributes, "")->set_string_value("no key");

  auto* array = AddAttribute(attributes, "array")->mutable_array_value();
  array->add_values()->set_string_value("a");
  array->add_values()->set_int_value(-1);
  array->add_values();
  array->add_values()->mutable_array_value()->add_values()->set_double_value(2.5);
  auto* list = AddAttribute(attributes, "kvlist")->mutable_kvlist_value();
  AddAttribute(list->mutable_values(), "inner")->set_bool_value(true);
  AddAttribute(list->mutable_values(), "blob")->set_bytes_value("\x80");
  list->add_values()->set_key("no value");
  AddAttribute(attributes, "empty array")->mutable_array_value();
  AddAttribute(attributes, "empty kvlist")->mutable_kvlist_value();
}

class RandomRequestMaker {
 public:
  explicit RandomRequestMaker(std::mt19937_64* random) : random_(*random) {}

  void Fill(ExportRequest* request) {
    Repeat(3, [&] {
      auto* resource = request->add_resource_spans();
      if (OneIn(4)) resource->set_schema_url(Text());
      if (!OneIn(8)) {
        Fill(resource->mutable_resource()->mutable_attributes());
        resource->mutable_resource()->set_dropped_attributes_count(Count());
      }
      Repeat(3, [&] {
        auto* scope = resource->add_scope_spans();
        if (OneIn(4)) scope->set_schema_url(Text());
        if (!OneIn(8)) {
          scope->mutable_scope()->set_name(Text());
          scope->mutable_scope()->set_version(Text());
          Fill(scope->mutable_scope()->mutable_attributes());
          scope->mutable_scope()->set_dropped_attributes_count(Count());
        }
        Repeat(6, [&] { Fill(scope->add_spans()); });
      });
    });
  }

 private:
  void Fill(Span* span) {
    span->set_trace_id(AnyId(16));
    span->set_span_id(AnyId(8));
    if (!OneIn(3)) span->set_parent_span_id(AnyId(8));
    if (OneIn(4)) span->set_trace_state(Text());
    if (OneIn(2)) span->set_flags(static_cast<uint32_t>(random_()));
    span->set_name(Text());
    span->set_kind(static_cast<opentelemetry::proto::trace::v1::Span_SpanKind>(random_() % 8));
    span->set_start_time_unix_nano(kStart + random_() % 1'000'000'000);
    span->set_end_time_unix_nano(OneIn(5) ? random_() : span->start_time_unix_nano() + 17);
    Fill(span->mutable_attributes());
    span->set_dropped_attributes_count(Count());
    Repeat(3, [&] {
      auto* event = span->add_events();
      event->set_time_unix_nano(random_());
      event->set_name(Text());
      Fill(event->mutable_attributes());
      event->set_dropped_attributes_count(Count());
    });
    span->set_dropped_events_count(Count());
    Repeat(3, [&] {
      auto* link = span->add_links();
      link->set_trace_id(AnyId(16));
      link->set_span_id(AnyId(8));
      if (OneIn(4)) link->set_trace_state(Text());
      Fill(link->mutable_attributes());
      link->set_dropped_attributes_count(Count());
      if (OneIn(2)) link->set_flags(static_cast<uint32_t>(random_()));
    });
    span->set_dropped_links_count(Count());
    if (OneIn(2)) {
      if (OneIn(2)) span->mutable_status()->set_message(Text());
      span->mutable_status()->set_code(
          static_cast<opentelemetry::proto::trace::v1::Status_StatusCode>(random_() % 4));
    }
  }

  void Fill(Attributes* attributes) {
    Repeat(6, [&] {
      KeyValue* attribute = attributes->Add();
      attribute->set_key(Text());
      if (!OneIn(10)) Fill(attribute->mutable_value(), 3);
    });
  }

  void Fill(AnyValue* value, int depth) {
    switch (random_() % (depth > 0 ? 8 : 6)) {
      case 0:
        return value->set_bool_value(OneIn(2));
      case 1:
        return value->set_int_value(static_cast<int64_t>(random_() >> (random_() % 64)));
      case 2:
        return value->set_double_value(std::bit_cast<double>(random_()));
      case 3:
        return value->set_bytes_value(AnyId(random_() % 40));
      case 4:
        return value->set_string_value(Text());
      case 5:
        return;
      case 6:
        value->mutable_array_value();
        Repeat(4, [&] { Fill(value->mutable_array_value()->add_values(), depth - 1); });
        return;
      default:
        value->mutable_kvlist_value();
        Repeat(4, [&] {
          KeyValue* pair = value->mutable_kvlist_value()->add_values();
          pair->set_key(Text());
          if (!OneIn(6)) Fill(pair->mutable_value(), depth - 1);
        });
    }
  }

  // Few distinct texts, so that they repeat; a few long ones, so that lengths take two bytes.
  std::string Text() {
    if (OneIn(12)) return "";
    std::string text = "text-" + std::to_string(random_() % 30);
    if (OneIn(6)) text += "é世界🙂";
    if (OneIn(12)) text.append(random_() % 300, 'x');
    return text;
  }

  // Mostly of `size` bytes, sometimes all zero, sometimes of another size.
  std::string AnyId(size_t size) {
    if (OneIn(20)) size = random_() % 20;
    std::string id(size, '\0');
    if (OneIn(20)) return id;
    for (char& c : id) c = static_cast<char>(random_());
    return id;
  }

  uint32_t Count() { return OneIn(3) ? static_cast<uint32_t>(random_() >> (random_() % 64)) : 0; }

  bool OneIn(uint64_t n) { return random_() % n == 0; }

  template <class Body>
  void Repeat(uint64_t below, const Body& body) {
    for (uint64_t n = random_() % below; n > 0; --n) body();
  }

  std::mt19937_64& random_;
};

}  // namespace

ExportRequest FullRequest() {
  ExportRequest request;
  auto* resource = request.add_resource_spans();
  resource->set_schema_url("https://opentelemetry.io/schemas/1.21.0");
  AddAttribute(resource->mutable_resource()->mutable_attributes(), "service.name")
      ->set_string_value("checkout");
  AddOneOfEach(resource->mutable_resource()->mutable_attributes());
  resource->mutable_resource()->set_dropped_attributes_count(1);
  auto* scope = resource->add_scope_spans();
  scope->set_schema_url("https://opentelemetry.io/schemas/1.22.0");
  scope->mutable_scope()->set_name("io.opentelemetry.http");
  scope->mutable_scope()->set_version("1.2.3");
  AddOneOfEach(scope->mutable_scope()->mutable_attributes());
  scope->mutable_scope()->set_dropped_attributes_count(2);

  Span* span = scope->add_spans();
  span->set_trace_id(Id(16, 1));
  span->set_span_id(Id(8, 0x20));
  span->set_trace_state("vendor=1,other=2");
  span->set_parent_span_id(Id(8, 0x30));
  span->set_flags(0x301);
  span->set_name("POST /api/orders");
  span->set_kind(Span::SPAN_KIND_SERVER);
  span->set_start_time_unix_nano(kStart);
  span->set_end_time_unix_nano(kStart + 1'500'000);
  AddOneOfEach(span->mutable_attributes());
  span->set_dropped_attributes_count(3);
  auto* event = span->add_events();
  event->set_time_unix_nano(kStart + 10);
  event->set_name("exception");
  AddOneOfEach(event->mutable_attributes());
  event->set_dropped_attributes_count(4);
  span->add_events()->set_name("bare");
  span->set_dropped_events_count(5);
  auto* link = span->add_links();
  link->set_trace_id(Id(16, 0x40));
  link->set_span_id(Id(8, 0x50));
  link->set_trace_state("link=1");
  AddOneOfEach(link->mutable_attributes());
  link->set_dropped_attributes_count(6);
  link->set_flags(0x101);
  span->set_dropped_links_count(7);
  span->mutable_status()->set_code(Status::STATUS_CODE_ERROR);
  span->mutable_status()->set_message("card declined");

  Span* plain = scope->add_spans();
  plain->set_trace_id(Id(16, 1));
  plain->set_span_id(Id(8, 0x60));
  return request;
}

ExportRequest RandomRequest(std::mt19937_64* random) {
  ExportRequest request;
  RandomRequestMaker(random).Fill(&request);
  return request;
}

std::string Mutate(std::string encoded, std::mt19937_64* random) {
  std::mt19937_64& r = *random;
  for (uint64_t changes = 1 + r() % 4; changes > 0 && !encoded.empty(); --changes) {
    const size_t at = r() % encoded.size();
    const size_t length = 1 + r() % std::min<size_t>(encoded.size() - at, 40);
    switch (r() % 6) {
      case 0:
        encoded[at] = static_cast<char>(encoded[at] ^ (1 << (r() % 8)));
        break;
      case 1:
        encoded[at] = static_cast<char>(r());
        break;
      case 2:
        encoded.erase(at, length);
        break;
      case 3:
        encoded.insert(r() % encoded.size(), std::string(encoded, at, length));
        break;
      case 4:
        encoded.insert(at, 1, static_cast<char>(r()));
        break;
      default:
        encoded.replace(at, length, std::string(encoded, r() % encoded.size(), length));
        break;
    }
  }
  return encoded;
}

}  // namespace tocsin::wire
