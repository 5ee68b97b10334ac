#include "cpp/template/value.h"

#include <algorithm>
#include <cstdint>

namespace tocsin::tmpl {
namespace {

struct TruthOf {
  bool operator()(std::monostate) const { return false; }
  bool operator()(bool value) const { return value; }
  bool operator()(int64_t value) const { return value != 0; }
  bool operator()(double value) const { return value != 0; }
  bool operator()(Time) const { return true; }
  bool operator()(Duration value) const { return value.nanos != 0; }
  bool operator()(const std::shared_ptr<const std::string>& value) const { return !value->empty(); }
  bool operator()(const std::shared_ptr<const List>& value) const { return !value->empty(); }
  bool operator()(const std::shared_ptr<const Map>& value) const { return !value->entries.empty(); }
  bool operator()(const std::shared_ptr<const Record>&) const { return true; }
};

struct TypeNameOf {
  std::string operator()(std::monostate) const { return "nil"; }
  std::string operator()(bool) const { return "bool"; }
  std::string operator()(int64_t) const { return "int"; }
  std::string operator()(double) const { return "float64"; }
  std::string operator()(Time) const { return "time.Time"; }
  std::string operator()(Duration) const { return "time.Duration"; }
  std::string operator()(const std::shared_ptr<const std::string>&) const { return "string"; }
  std::string operator()(const std::shared_ptr<const List>&) const { return "list"; }
  std::string operator()(const std::shared_ptr<const Map>& value) const {
    return value->of_strings ? "map[string]string" : "map[string]interface {}";
  }
  std::string operator()(const std::shared_ptr<const Record>& value) const {
    return value->type_name;
  }
};

constexpr int kDepthMax = 1'000;
/// What an allocation and its counters take besides their content, and a node of a map.
constexpr size_t kSharedBytes = 64;
constexpr size_t kNodeBytes = 80;

/// The depth and weight of what consists of the added parts.
struct Whole {
  int depth = 0;
  size_t weight = kSharedBytes;
  void AddBytes(size_t bytes) {
    if (__builtin_add_overflow(weight, bytes, &weight)) weight = SIZE_MAX;
  }
  void Add(const Value& part) {
    depth = std::max(depth, std::min(part.depth() + 1, kDepthMax));
    AddBytes(sizeof(Value));
    AddBytes(part.weight());
  }
};

/// Deletes nothing: lets go of what holds the content, and of the keeper.
template <class T>
struct Keeper {
  std::shared_ptr<const T> content;
  std::shared_ptr<const void> keeper;
  void operator()(const T* /*content*/) const {}
};

struct HasKeeperOf {
  template <class T>
  bool operator()(const T& /*plain*/) const {
    return false;
  }
  template <class T>
  bool operator()(const std::shared_ptr<const T>& content) const {
    return std::get_deleter<Keeper<T>>(content) != nullptr;
  }
};

struct KeepContent {
  std::shared_ptr<const void> keeper;
  template <class T>
  void operator()(T& /*plain*/) const {}
  template <class T>
  void operator()(std::shared_ptr<const T>& content) const {
    const T* pointer = content.get();
    content = std::shared_ptr<const T>(pointer, Keeper<T>{content, keeper});
  }
};

}  // namespace

Value::Value(std::string value)
    : weight_(kSharedBytes + value.capacity()),
      data_(std::make_shared<const std::string>(std::move(value))) {}

Value::Value(List value) {
  Whole whole{.depth = 1};
  for (const Value& item : value) whole.Add(item);
  depth_ = whole.depth;
  weight_ = whole.weight;
  data_ = std::make_shared<const List>(std::move(value));
}

Value::Value(Map value) {
  Whole whole{.depth = 1};
  for (const auto& [key, entry] : value.entries) {
    whole.Add(entry);
    whole.AddBytes(kNodeBytes + key.size());
  }
  depth_ = whole.depth;
  weight_ = whole.weight;
  data_ = std::make_shared<const Map>(std::move(value));
}

Value::Value(Record value) {
  Whole whole{.depth = 1};
  for (const auto& [name, field] : value.fields) {
    whole.Add(field);
    whole.AddBytes(kNodeBytes + name.size());
  }
  depth_ = whole.depth;
  weight_ = whole.weight;
  data_ = std::make_shared<const Record>(std::move(value));
}

bool Value::HasKeeper() const { return std::visit(HasKeeperOf{}, data_); }

void Value::KeepWith(std::shared_ptr<const void> keeper) {
  if (!HasKeeper()) std::visit(KeepContent{std::move(keeper)}, data_);
}

bool Value::Truth() const { return std::visit(TruthOf{}, data_); }

std::string Value::TypeName() const {
  if (type_ != nullptr) return type_->name;
  return std::visit(TypeNameOf{}, data_);
}

}  // namespace tocsin::tmpl
