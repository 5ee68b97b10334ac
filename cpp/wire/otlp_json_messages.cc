#include "cpp/wire/otlp_json_messages.h"

namespace tocsin::wire {
namespace {

// An AnyValue holds lists of AnyValues, hence the declarations.
extern const JsonMessage kAnyValue;

constexpr JsonField kArrayFields[] = {
    {"values", "values", 1, JsonFieldType::kMessages, &kAnyValue},
};
constexpr JsonMessage kArray{kArrayFields};
constexpr JsonField kKvlistFields[] = {
    {"values", "values", 1, JsonFieldType::kMessages, &kJsonKeyValue},
};
constexpr JsonMessage kKvlist{kKvlistFields};
constexpr JsonField kAnyValueFields[] = {
    {"stringValue", "string_value", 1, JsonFieldType::kText},
    {"boolValue", "bool_value", 2, JsonFieldType::kBool},
    {"intValue", "int_value", 3, JsonFieldType::kInt64},
    {"doubleValue", "double_value", 4, JsonFieldType::kDouble},
    {"arrayValue", "array_value", 5, JsonFieldType::kMessage, &kArray},
    {"kvlistValue", "kvlist_value", 6, JsonFieldType::kMessage, &kKvlist},
    {"bytesValue", "bytes_value", 7, JsonFieldType::kBase64},
};
constexpr JsonMessage kAnyValue{kAnyValueFields, true};
constexpr JsonField kKeyValueFields[] = {
    {"key", "key", 1, JsonFieldType::kText},
    {"value", "value", 2, JsonFieldType::kMessage, &kAnyValue},
};

constexpr JsonField kScopeFields[] = {
    {"name", "name", 1, JsonFieldType::kText},
    {"version", "version", 2, JsonFieldType::kText},
    {"attributes", "attributes", 3, JsonFieldType::kMessages, &kJsonKeyValue},
    {"droppedAttributesCount", "dropped_attributes_count", 4, JsonFieldType::kUint32},
};
constexpr JsonField kResourceFields[] = {
    {"attributes", "attributes", 1, JsonFieldType::kMessages, &kJsonKeyValue},
    {"droppedAttributesCount", "dropped_attributes_count", 2, JsonFieldType::kUint32},
};

}  // namespace

constinit const JsonMessage kJsonKeyValue{kKeyValueFields};
constinit const JsonMessage kJsonScope{kScopeFields};
constinit const JsonMessage kJsonResource{kResourceFields};

}  // namespace tocsin::wire
