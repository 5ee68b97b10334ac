#include "tests/unit/columnar/batches.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/model/span_batch_builder.h"

namespace tocsin::storage {
namespace {

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  uint64_t Bits() { return engine_(); }
  uint32_t Below(uint32_t n) { return n == 0 ? 0 : static_cast<uint32_t>(engine_() % n); }
  bool OneIn(uint32_t n) { return Below(n) == 0; }
  double Unit() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }
  double Normal() {
    return std::sqrt(-2 * std::log(1 - Unit())) * std::cos(6.283185307179586 * Unit());
  }
  // Numbers of every length, the extreme ones among them.
  uint64_t Number() {
    if (OneIn(20)) return 0;
    if (OneIn(20)) return UINT64_MAX;
    if (OneIn(20)) return uint64_t{1} << 63;
    return Bits() >> Below(64);
  }
  std::string Text(uint32_t most) {
    std::string text;
    for (uint32_t left = Below(most + 1); left > 0; --left) {
      text.push_back(static_cast<char>(OneIn(10) ? Bits() : 'a' + Below(4)));
    }
    return text;
  }

 private:
  std::mt19937_64 engine_;
};

// Builds one batch of the hostile kind.
class Mixture {
 public:
  Mixture(uint64_t seed, const BatchShape& shape) : random_(seed), shape_(shape) {
    for (uint32_t i = 0; i < shape.traces; ++i) {
      const uint64_t id = random_.Below(shape.trace_pool) + 1;
      traces_.push_back({id * 0x9e3779b97f4a7c15U, id});
    }
  }

  SpanBatch Build() {
    for (uint32_t i = 0; i < 3; ++i) AddScope();
    for (uint32_t row = 0; row < shape_.rows; ++row) {
      if (random_.OneIn(20)) AddScope();
      AddRow(row);
    }
    return std::move(builder_).Finish();
  }

 private:
  SpanBatch::AttrRange Attributes() {
    const uint32_t begin = builder_.AttrCount();
    for (uint32_t n = random_.Below(shape_.max_attributes + 1); n > 0; --n) AddAttribute();
    return {begin, builder_.AttrCount()};
  }

  void AddAttribute() {
    const std::string key = "key." + std::to_string(random_.Below(shape_.keys));
    switch (random_.Below(9)) {
      case 0:
        return builder_.AddBool(key, random_.OneIn(2));
      case 1:
        return builder_.AddInt(key, static_cast<int64_t>(random_.Number()));
      case 2:
        return builder_.AddDouble(key, std::bit_cast<double>(random_.Number()));
      case 3:
        return builder_.AddBytes(key, random_.Text(shape_.max_text));
      case 4:
        return builder_.AddComposite(key, random_.Text(shape_.max_text));
      case 5:
        return builder_.AddEmpty(key);
      case 6:
        return builder_.AddInt(key, random_.Below(5));
      default:
        return builder_.AddString(key, random_.Text(shape_.max_text));
    }
  }

  uint32_t Dropped() { return random_.OneIn(8) ? random_.Below(100) : 0; }

  void AddScope() {
    SpanBatch& batch = builder_.batch();
    if (batch.resources.empty() || random_.OneIn(2)) {
      const auto attrs = Attributes();
      batch.resources.push_back({attrs, Dropped(), builder_.Intern(random_.Text(3))});
    }
    const auto attrs = Attributes();
    const auto resource = random_.Below(static_cast<uint32_t>(batch.resources.size()));
    batch.scopes.push_back({resource, builder_.Intern(random_.Text(2)),
                            builder_.Intern(random_.Text(2)), attrs, Dropped(),
                            builder_.Intern(random_.Text(3))});
  }

  void AddEventsAndLinks() {
    SpanBatch& batch = builder_.batch();
    for (uint32_t n = random_.OneIn(3) ? random_.Below(4) : 0; n > 0; --n) {
      const auto attrs = Attributes();
      batch.events.push_back(
          {random_.Number(), builder_.Intern(random_.Text(3)), attrs, Dropped()});
    }
    for (uint32_t n = random_.OneIn(5) ? random_.Below(3) : 0; n > 0; --n) {
      const auto attrs = Attributes();
      batch.links.push_back({{random_.Number(), random_.Number()},
                             random_.Number(),
                             builder_.Intern(random_.Text(3)),
                             attrs,
                             Dropped(),
                             Dropped()});
    }
  }

  void AddRow(uint32_t row) {
    SpanBatch& batch = builder_.batch();
    Attributes();
    AddEventsAndLinks();
    batch.trace.push_back(
        builder_.InternTrace(traces_[random_.Below(static_cast<uint32_t>(traces_.size()))]));
    batch.span_id.push_back(random_.OneIn(15) ? 7 : random_.Number());
    const bool foreign = random_.OneIn(4);
    batch.parent_span_id.push_back(random_.OneIn(5) ? 0
                                   : foreign        ? random_.Number()
                                                    : batch.span_id[random_.Below(row + 1)]);
    batch.start.push_back(random_.OneIn(9) ? random_.Number() : 1'700'000'000'000'000'000 + row);
    batch.end.push_back(random_.OneIn(9) ? random_.Number() : batch.start.back() + row);
    batch.name.push_back(builder_.Intern(random_.Text(2)));
    batch.kind.push_back(static_cast<SpanKind>(random_.Below(6)));
    batch.status.push_back(static_cast<SpanStatus>(random_.Below(3)));
    batch.flags.push_back(random_.OneIn(9) ? static_cast<uint32_t>(random_.Bits()) : 1);
    batch.scope.push_back(random_.Below(static_cast<uint32_t>(batch.scopes.size())));
    batch.wire_size.push_back(random_.Below(2'000));
    if (random_.OneIn(4)) {
      batch.extras.push_back({row, builder_.Intern("m" + random_.Text(4)),
                              builder_.Intern(random_.Text(4)), Dropped(), Dropped(), Dropped()});
    }
    batch.attr_begin.push_back(builder_.AttrCount());
    batch.event_begin.push_back(static_cast<uint32_t>(batch.events.size()));
    batch.link_begin.push_back(static_cast<uint32_t>(batch.links.size()));
  }

  Random random_;
  const BatchShape shape_;
  std::vector<TraceId> traces_;
  SpanBatchBuilder builder_;
};

constexpr std::array<std::string_view, 12> kServices = {
    "frontend", "backend",   "payment", "cart",    "checkout", "catalog",
    "shipping", "inventory", "email",   "reviews", "auth",     "search"};
constexpr std::array<std::string_view, 8> kRoutes = {
    "/api/users",  "/api/users/{id}",    "/api/orders", "/api/orders/{id}/items",
    "/api/search", "/api/products/{id}", "/api/cart",   "/api/checkout"};
constexpr std::array<std::string_view, 5> kMethods = {"GET", "POST", "PUT", "DELETE", "PATCH"};
constexpr std::array<int64_t, 6> kCodes = {200, 201, 204, 400, 404, 500};

template <class Pool>
auto Draw(Random* random, const Pool& pool) {
  // Squared, so that the first entries are common and the last ones rare.
  const double u = random->Unit();
  return pool[static_cast<size_t>(u * u * static_cast<double>(pool.size()))];
}

class Traffic {
 public:
  Traffic(uint64_t seed, uint32_t keys) : random_(seed), keys_(keys) {
    for (const std::string_view service : kServices) {
      SpanBatch& batch = builder_.batch();
      uint32_t begin = builder_.AttrCount();
      builder_.AddString("service.name", service);
      builder_.AddString("service.version", "1.4.2");
      builder_.AddString("deployment.environment", "production");
      builder_.AddString("k8s.pod.name", std::string(service) + "-7d9f8b6c5d-x2x4z");
      builder_.AddString("cluster", "app-cluster");
      const auto resource = static_cast<uint32_t>(batch.resources.size());
      batch.resources.push_back({.attrs = {begin, builder_.AttrCount()}});
      begin = builder_.AttrCount();
      batch.scopes.push_back({.resource = resource,
                              .name = builder_.Intern("io.opentelemetry.http"),
                              .version = builder_.Intern("2.1.0"),
                              .attrs = {begin, begin}});
    }
  }

  SpanBatch Build(uint32_t rows) {
    while (builder_.batch().rows() < rows) {
      const uint32_t left = rows - static_cast<uint32_t>(builder_.batch().rows());
      AddTrace(std::min(left, 1 + random_.Below(16)));
    }
    return std::move(builder_).Finish();
  }

 private:
  void AddTrace(uint32_t spans) {
    const TraceId id{random_.Bits(), random_.Bits()};
    const uint64_t start =
        1'700'000'000'000'000'000 + random_.Bits() % 300'000'000'000;  // Five minutes.
    const auto first = static_cast<uint32_t>(builder_.batch().rows());
    for (uint32_t i = 0; i < spans; ++i) AddSpan(id, first, start);
  }

  void AddAttributes(bool error) {
    const auto route = Draw(&random_, kRoutes);
    const bool unique = random_.OneIn(20);
    builder_.AddString("http.request.method", Draw(&random_, kMethods));
    builder_.AddString("http.route", route);
    builder_.AddString("url.full", "https://shop.example.com" + std::string(route) +
                                       (unique ? "?session=" + SpanIdToHex(random_.Bits()) : ""));
    builder_.AddInt("http.response.status_code", error ? 500 : Draw(&random_, kCodes));
    builder_.AddString("server.address", Draw(&random_, kServices));
    builder_.AddInt("server.port", 8080);
    builder_.AddString("network.protocol.version", "1.1");
    builder_.AddString("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101");
    builder_.AddInt("thread.id", random_.Below(32));
    builder_.AddString("user.id", "user-" + std::to_string(random_.Below(2'000)));
    builder_.AddInt("http.response.body.size",
                    static_cast<int64_t>(200 * std::exp(random_.Normal())));
    builder_.AddBool("cache.hit", random_.OneIn(3));
    for (uint32_t extra = 12; extra < keys_; extra += keys_ / 12) {
      builder_.AddString("custom.key." + std::to_string(random_.Below(keys_)), "value");
    }
  }

  void AddSpan(const TraceId& id, uint32_t first, uint64_t trace_start) {
    SpanBatch& batch = builder_.batch();
    const auto row = static_cast<uint32_t>(batch.rows());
    const bool error = random_.OneIn(50);
    AddAttributes(error);
    if (error) {
      const uint32_t begin = builder_.AttrCount();
      builder_.AddString("exception.type", "java.io.IOException");
      builder_.AddString("exception.message", "connection reset by peer");
      batch.events.push_back({trace_start + 5'000'000,
                              builder_.Intern("exception"),
                              {begin, builder_.AttrCount()},
                              0});
      batch.extras.push_back({.row = row, .status_message = builder_.Intern("upstream failed")});
    }
    batch.trace.push_back(builder_.InternTrace(id));
    batch.span_id.push_back(random_.Bits());
    batch.parent_span_id.push_back(
        row == first ? 0 : batch.span_id[first + random_.Below(row - first)]);
    batch.start.push_back(trace_start +
                          static_cast<uint64_t>(2e6 * (row - first) * random_.Unit()));
    batch.end.push_back(batch.start.back() +
                        static_cast<uint64_t>(5e6 * std::exp(1.5 * random_.Normal())));
    batch.name.push_back(builder_.Intern(std::string(Draw(&random_, kMethods)) + " " +
                                         std::string(Draw(&random_, kRoutes))));
    batch.kind.push_back(row == first ? SpanKind::kServer : SpanKind::kClient);
    batch.status.push_back(error ? SpanStatus::kError : SpanStatus::kUnset);
    batch.flags.push_back(257);
    batch.scope.push_back(random_.Below(kServices.size()));
    batch.wire_size.push_back(430 + random_.Below(60));
    batch.attr_begin.push_back(builder_.AttrCount());
    batch.event_begin.push_back(static_cast<uint32_t>(batch.events.size()));
    batch.link_begin.push_back(static_cast<uint32_t>(batch.links.size()));
  }

  Random random_;
  const uint32_t keys_;
  SpanBatchBuilder builder_;
};

// Words for what a row holds. Texts are quoted by their lengths.
class Words {
 public:
  explicit Words(const SpanBatch& batch) : batch_(batch) {}

  Words& Add(std::string_view name, uint64_t value) {
    text_.append(name).append("=").append(std::to_string(value)).append(" ");
    return *this;
  }
  Words& Text(std::string_view name, std::string_view text) {
    text_.append(name).append("=").append(std::to_string(text.size())).append(":");
    text_.append(text).append(" ");
    return *this;
  }
  Words& Text(std::string_view name, StringId id) { return Text(name, batch_.strings[id]); }
  Words& Attrs(SpanBatch::AttrRange range) {
    text_.append("[");
    for (uint32_t i = range.begin; i < range.end; ++i) {
      const SpanBatch::Key& key = batch_.keys[batch_.attrs[i].key];
      const uint32_t value = batch_.attrs[i].value;
      Text("key", key.name).Add("type", static_cast<uint64_t>(key.type));
      switch (key.type) {
        case ValueType::kInt:
          Add("int", static_cast<uint64_t>(batch_.ints[value]));
          break;
        case ValueType::kDouble:
          Add("double", std::bit_cast<uint64_t>(batch_.doubles[value]));
          break;
        case ValueType::kBool:
        case ValueType::kEmpty:
          Add("value", value);
          break;
        default:
          Text("text", value);
      }
    }
    text_.append("] ");
    return *this;
  }
  std::string Take() && { return std::move(text_); }

 private:
  const SpanBatch& batch_;
  std::string text_;
};

}  // namespace

SpanBatch RandomBatch(uint64_t seed, const BatchShape& shape) {
  return Mixture(seed, shape).Build();
}

SpanBatch RealisticBatch(uint64_t seed, uint32_t rows, uint32_t keys) {
  return Traffic(seed, keys).Build(rows);
}

std::string Describe(const SpanBatch& batch, uint32_t row) {
  Words words(batch);
  words.Text("trace", batch.traces[batch.trace[row]].ToHex())
      .Add("span", batch.span_id[row])
      .Add("parent", batch.parent_span_id[row])
      .Add("start", batch.start[row])
      .Add("end", batch.end[row])
      .Text("name", batch.name[row])
      .Add("kind", static_cast<uint64_t>(batch.kind[row]))
      .Add("status", static_cast<uint64_t>(batch.status[row]))
      .Add("flags", batch.flags[row])
      .Add("wire_size", batch.wire_size[row])
      .Attrs({batch.attr_begin[row], batch.attr_begin[row + 1]});
  const SpanBatch::Scope& scope = batch.scopes[batch.scope[row]];
  const SpanBatch::Resource& resource = batch.resources[scope.resource];
  words.Text("scope", scope.name)
      .Text("version", scope.version)
      .Text("schema", scope.schema_url)
      .Add("dropped", scope.dropped_attributes)
      .Attrs(scope.attrs)
      .Text("resource", resource.schema_url)
      .Add("dropped", resource.dropped_attributes)
      .Attrs(resource.attrs);
  for (uint32_t i = batch.event_begin[row]; i < batch.event_begin[row + 1]; ++i) {
    const SpanBatch::Event& event = batch.events[i];
    words.Text("event", event.name)
        .Add("time", event.time)
        .Add("dropped", event.dropped_attributes);
    words.Attrs(event.attrs);
  }
  for (uint32_t i = batch.link_begin[row]; i < batch.link_begin[row + 1]; ++i) {
    const SpanBatch::Link& link = batch.links[i];
    words.Text("link", link.trace_id.ToHex()).Add("span", link.span_id);
    words.Text("state", link.trace_state).Add("dropped", link.dropped_attributes);
    words.Add("flags", link.flags).Attrs(link.attrs);
  }
  const SpanBatch::Extra& extra = batch.ExtraOf(row);
  words.Text("message", extra.status_message).Text("state", extra.trace_state);
  words.Add("attributes", extra.dropped_attributes).Add("events", extra.dropped_events);
  words.Add("links", extra.dropped_links);
  return std::move(words).Take();
}

std::string Describe(const SpanBatch& batch) {
  std::string text;
  for (uint32_t row = 0; row < batch.rows(); ++row) text += Describe(batch, row) + "\n";
  return text;
}

}  // namespace tocsin::storage
