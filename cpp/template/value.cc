#include "cpp/template/value.h"

#include <algorithm>

namespace tocsin::tmpl {
namespace {

struct TruthOf {
  bool operator()(std::monostate) const { return false; }
  bool operator()(bool value) const { return value; }
  bool operator()(int64_t value) const { return value != 0; }
  bool operator()(double value) const { return value != 0; }
  bool operator()(const std::string& value) const { return !value.empty(); }
  bool operator()(Time) const { return true; }
  bool operator()(Duration value) const { return value.nanos != 0; }
  bool operator()(const std::shared_ptr<const List>& value) const { return !value->empty(); }
  bool operator()(const std::shared_ptr<const Map>& value) const { return !value->entries.empty(); }
  bool operator()(const std::shared_ptr<const Record>&) const { return true; }
};

struct TypeNameOf {
  std::string operator()(std::monostate) const { return "nil"; }
  std::string operator()(bool) const { return "bool"; }
  std::string operator()(int64_t) const { return "int"; }
  std::string operator()(double) const { return "float64"; }
  std::string operator()(const std::string&) const { return "string"; }
  std::string operator()(Time) const { return "time.Time"; }
  std::string operator()(Duration) const { return "time.Duration"; }
  std::string operator()(const std::shared_ptr<const List>&) const { return "list"; }
  std::string operator()(const std::shared_ptr<const Map>& value) const {
    return value->of_strings ? "map[string]string" : "map[string]any";
  }
  std::string operator()(const std::shared_ptr<const Record>& value) const {
    return value->type_name;
  }
};

constexpr int kDepthMax = 1'000;

int Around(int inner_depth) { return std::min(inner_depth + 1, kDepthMax); }

}  // namespace

Value::Value(List value) {
  int depth = 0;
  for (const Value& item : value) depth = std::max(depth, item.depth());
  depth_ = Around(depth);
  data_ = std::make_shared<const List>(std::move(value));
}

Value::Value(Map value) {
  int depth = 0;
  for (const auto& [key, entry] : value.entries) depth = std::max(depth, entry.depth());
  depth_ = Around(depth);
  data_ = std::make_shared<const Map>(std::move(value));
}

Value::Value(Record value) {
  int depth = 0;
  for (const auto& [name, field] : value.fields) depth = std::max(depth, field.depth());
  depth_ = Around(depth);
  data_ = std::make_shared<const Record>(std::move(value));
}

bool Value::Truth() const { return std::visit(TruthOf{}, data_); }

std::string Value::TypeName() const {
  if (type_ != nullptr) return type_->name;
  return std::visit(TypeNameOf{}, data_);
}

}  // namespace tocsin::tmpl
