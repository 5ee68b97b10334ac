#include "tests/unit/traceql_oracle/engine.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <numeric>
#include <random>
#include <set>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "cpp/base/clock.h"
#include "cpp/base/coding.h"
#include "cpp/base/hash.h"
#include "cpp/base/log.h"
#include "cpp/base/telemetry.h"
#include "cpp/traceql/metrics.h"
#include "cpp/traceql/parser.h"
#include "cpp/traceql/search.h"
#include "storage/spans/span_store.h"
#include "tests/unit/spans/test_support.h"
#include "tests/unit/traceql/fake_view.h"

namespace tocsin::oracle {
namespace {

traceql::Attrs AttrsOf(const Attributes& attributes) {
  traceql::Attrs out;
  for (const auto& [key, datum] : attributes) {
    if (const auto* array = std::get_if<Array>(&datum)) {
      traceql::ArrayValue encoded;
      for (const Datum& item : *array) {
        if (const auto* text = std::get_if<std::string>(&item)) encoded.items.emplace_back(*text);
        if (const auto* whole = std::get_if<int64_t>(&item)) encoded.items.emplace_back(*whole);
        if (const auto* number = std::get_if<double>(&item)) encoded.items.emplace_back(*number);
        if (const auto* truth = std::get_if<bool>(&item)) encoded.items.emplace_back(*truth);
      }
      out.emplace_back(key, std::move(encoded));
    }
    if (const auto* text = std::get_if<std::string>(&datum)) out.emplace_back(key, *text);
    if (const auto* whole = std::get_if<int64_t>(&datum)) out.emplace_back(key, *whole);
    if (const auto* number = std::get_if<double>(&datum)) out.emplace_back(key, *number);
    if (const auto* truth = std::get_if<bool>(&datum)) out.emplace_back(key, *truth);
  }
  return out;
}

SpanId IdOf(const std::string& hex) { return hex.empty() ? 0 : std::stoull(hex, nullptr, 16); }

SpanKind KindOf(const std::string& word) {
  static const std::vector<std::string> kWords = {"unspecified", "internal", "server",
                                                  "client",      "producer", "consumer"};
  return static_cast<SpanKind>(std::find(kWords.begin(), kWords.end(), word) - kWords.begin());
}

SpanStatus StatusOf(const std::string& word) {
  return word == "error" ? SpanStatus::kError
                         : (word == "ok" ? SpanStatus::kOk : SpanStatus::kUnset);
}

traceql::TestSpan Convert(const Span& span) {
  traceql::TestSpan out;
  out.trace = *TraceId::FromHex(span.trace_id);
  out.id = IdOf(span.id);
  out.parent = IdOf(span.parent_id);
  out.start = span.start;
  out.end = span.end;
  out.name = span.name;
  out.kind = KindOf(span.kind);
  out.status = StatusOf(span.status);
  out.status_message = span.status_message;
  out.attrs = AttrsOf(span.attributes);
  out.resource = AttrsOf(span.resource);
  out.scope_name = span.scope_name;
  out.scope_version = span.scope_version;
  out.scope_attrs = AttrsOf(span.scope_attributes);
  for (const Event& event : span.events) {
    out.events.push_back({event.time, event.name, AttrsOf(event.attributes)});
  }
  for (const Link& link : span.links) {
    out.links.push_back(
        {*TraceId::FromHex(link.trace_id), IdOf(link.span_id), AttrsOf(link.attributes)});
  }
  return out;
}

// The spans in `count` heaps, at random but always the same.
std::vector<std::vector<Span>> Split(const std::vector<Span>& spans, size_t count) {
  std::mt19937 random(static_cast<uint32_t>(spans.size()));
  std::vector<std::vector<Span>> heaps(count);
  for (const Span& span : spans) heaps[random() % count].push_back(span);
  return heaps;
}

// The same, but each trace as a whole.
std::vector<std::vector<Span>> SplitByTrace(const std::vector<Span>& spans, size_t count) {
  std::vector<std::vector<Span>> heaps(count);
  for (const Span& span : spans) heaps[Hash64(span.trace_id) % count].push_back(span);
  return heaps;
}

// A store under a virtual clock, in a directory of its own.
class Store {
 public:
  enum class Merging : uint8_t { kAsUsual, kNever };
  explicit Store(Merging merging = Merging::kAsUsual) : merging_(merging) { Open(); }

  void Open() {
    store_ = nullptr;
    storage::SpanStoreOptions options;
    options.path = directory_ / "data";
    options.background = false;
    options.backpressure_wait = 0;
    options.checkpoint = UINT64_MAX;
    options.block_retention = 0;
    if (merging_ == Merging::kNever) {
      options.merge_hook = [] { return UnavailableError("segments are to stay as they are"); };
    }
    auto opened = storage::SpanStore::Open(options, clock_, Telemetry::None(), nullptr);
    EXPECT_TRUE(opened.has_value()) << opened.error().ToString();
    if (opened.has_value()) store_ = *std::move(opened);
  }
  void Append(const std::vector<Span>& spans) {
    if (spans.empty()) return;
    const std::string body = "request " + std::to_string(++requests_);
    const auto appended =
        store_->Append({"t", Hash128(body), std::make_shared<const SpanBatch>(BatchOf(spans))},
                       [](const storage::LoggedBatch&) {});
    EXPECT_TRUE(appended.has_value()) << appended.error().ToString();
  }
  void Flush() {
    const Status status = store_->Flush();
    EXPECT_TRUE(status.ok() || merging_ == Merging::kNever) << status.ToString();
  }
  void Delete(const std::vector<Span>& spans) {
    std::vector<storage::TraceDeletion> traces;
    for (const Span& span : spans) traces.push_back({*TraceId::FromHex(span.trace_id), {}});
    const auto deleted = store_->Delete("t", traces);
    EXPECT_TRUE(deleted.has_value()) << deleted.error().ToString();
  }
  void Wait(Nanos time) {
    clock_.Advance(time);
    const Status status = store_->RunDue();
    EXPECT_TRUE(status.ok()) << status.ToString();
  }
  std::shared_ptr<const traceql::SpanView> View() const { return store_->View("t", 0, UINT64_MAX); }

 private:
  TemporaryDirectory directory_;
  const Merging merging_;
  VirtualClock clock_{storage::kTestStart};
  std::unique_ptr<storage::SpanStore> store_;
  int requests_ = 0;
};

// A layout that fills a store.
template <class Fill>
Layout InStore(std::string name, Fill fill, Store::Merging merging = Store::Merging::kAsUsual) {
  return {std::move(name), [fill, merging](const std::vector<Span>& spans) {
            auto store = std::make_shared<Store>(merging);
            fill(*store, spans);
            struct Both {
              std::shared_ptr<Store> store;
              std::shared_ptr<const traceql::SpanView> view;
            };
            auto both = std::make_shared<Both>(store, store->View());
            return std::shared_ptr<const traceql::SpanView>(both, both->view.get());
          }};
}

// A length and as many bytes.
std::string_view TakeBytes(std::string_view* input) {
  const uint64_t length = GetVarint64(input).value_or(0);
  const std::string_view bytes = input->substr(0, length);
  input->remove_prefix(bytes.size());
  return bytes;
}

// The protobuf encoding of an AnyValue: what ArrayValue of fake_view.h writes.
Datum Decode(std::string_view any_value) {
  const char tag = any_value.empty() ? '\0' : any_value[0];
  any_value.remove_prefix(any_value.empty() ? 0 : 1);
  switch (tag) {
    case '\x0a':
      return std::string(TakeBytes(&any_value));
    case '\x10':
      return any_value == "\1";
    case '\x18':
      return static_cast<int64_t>(GetVarint64(&any_value).value_or(0));
    case '\x21': {
      uint64_t bits = 0;
      for (size_t i = 8; i > 0; --i) bits = bits << 8 | static_cast<uint8_t>(any_value[i - 1]);
      return std::bit_cast<double>(bits);
    }
    case '\x2a':
      break;
    default:
      return std::string("no AnyValue");
  }
  Array array;
  std::string_view items = TakeBytes(&any_value);
  while (!items.empty()) {
    items.remove_prefix(1);
    array.push_back(Decode(TakeBytes(&items)));
  }
  return array;
}

Datum DatumOf(const traceql::Value& value) {
  switch (value.type) {
    case ValueType::kString:
      return value.text;
    case ValueType::kBool:
      return value.integer != 0;
    case ValueType::kInt:
      return value.integer;
    case ValueType::kDouble:
      return value.number;
    case ValueType::kComposite:
      return Decode(value.text);
    case ValueType::kBytes:
    case ValueType::kEmpty:
      break;
  }
  return std::string("a value that nobody sent");
}

std::string Show(const traceql::SearchSpanset& spanset) {
  std::string out = ShowSpanset(spanset.matched);
  for (const traceql::SearchAttribute& attribute : spanset.attributes) {
    out += ShowAttribute(attribute.key, ShowValue(DatumOf(attribute.value)));
  }
  for (const traceql::SearchSpan& span : spanset.spans) {
    out += ShowSpan(SpanIdToHex(span.id), span.name, span.name_asked, span.start, span.duration);
    for (const traceql::SearchAttribute& attribute : span.attributes) {
      out += ShowAttribute(attribute.key, ShowValue(DatumOf(attribute.value)));
    }
  }
  return out;
}

// Every other query is shared among threads: the answers must be the same.
traceql::Helpers HelpersFor(const std::string& query) {
  static ThreadPool pool("oracle", 2, 64);
  if (query.size() % 2 == 0) return {};
  return {.pool = &pool, .always = true};
}

traceql::MetricsOptions OptionsFor(const std::string& query, const MetricsRange& range) {
  traceql::MetricsOptions options;
  options.start = range.start;
  options.end = range.end;
  options.step = range.step;
  options.instant = range.instant;
  options.helpers = HelpersFor(query);
  return options;
}

}  // namespace

SpanBatch BatchOf(const std::vector<Span>& spans) {
  std::vector<traceql::TestSpan> converted;
  converted.reserve(spans.size());
  for (const Span& span : spans) converted.push_back(Convert(span));
  SpanBatch batch = traceql::MakeBatch(converted);
  for (uint32_t& size : batch.wire_size) size = 200;
  return batch;
}

const std::vector<Layout>& Layouts() {
  log::SetLevel(log::Level::kError);  // Every store tells what it recovered.
  static const std::vector<Layout> kLayouts = {
      InStore("all live",
              [](Store& store, const std::vector<Span>& spans) {
                for (const auto& heap : Split(spans, 4)) store.Append(heap);
              }),
      InStore("one segment",
              [](Store& store, const std::vector<Span>& spans) {
                for (const auto& heap : Split(spans, 3)) store.Append(heap);
                store.Flush();
              }),
      InStore(
          "a segment per span",
          [](Store& store, const std::vector<Span>& spans) {
            for (const Span& span : spans) {
              store.Append({span});
              store.Flush();
            }
          },
          Store::Merging::kNever),
      InStore(
          "traces whole in segments",
          [](Store& store, const std::vector<Span>& spans) {
            for (const auto& heap : SplitByTrace(spans, 3)) {
              store.Append(heap);
              store.Flush();
            }
          },
          Store::Merging::kNever),
      InStore("after a restart",
              [](Store& store, const std::vector<Span>& spans) {
                const auto heaps = Split(spans, 5);
                for (size_t i = 0; i < heaps.size(); ++i) {
                  store.Append(heaps[i]);
                  if (i == 1) store.Flush();
                }
                store.Open();
              }),
      InStore("merged",
              [](Store& store, const std::vector<Span>& spans) {
                for (const auto& heap : Split(spans, 12)) {
                  store.Append(heap);
                  store.Flush();
                }
                for (int i = 0; i < 12; ++i) store.Wait(10 * kMinute);
                store.Flush();
              }),
      InStore("across volumes",
              [](Store& store, const std::vector<Span>& spans) {
                for (const auto& heap : Split(spans, 5)) {
                  store.Append(heap);
                  store.Flush();
                  store.Wait(25 * kHour);
                }
              }),
      InStore("beside what was deleted",
              [](Store& store, const std::vector<Span>& spans) {
                // The same spans in traces that nobody else has.
                std::vector<Span> others = spans;
                for (Span& span : others) span.trace_id[0] = span.trace_id[0] == 'd' ? 'e' : 'd';
                const auto heaps = Split(spans, 3);
                const auto other_heaps = Split(others, 3);
                for (size_t i = 0; i < heaps.size(); ++i) {
                  store.Append(heaps[i]);
                  store.Append(other_heaps[i]);
                  if (i == 1) store.Flush();
                }
                store.Delete(others);
              }),
      InStore("late and sent again",
              [](Store& store, const std::vector<Span>& spans) {
                const auto heaps = Split(spans, 4);
                store.Append(heaps[0]);
                store.Append(heaps[1]);
                store.Append(heaps[0]);
                store.Flush();
                store.Wait(kHour);
                store.Append(heaps[2]);
                store.Append(heaps[1]);
                store.Flush();
                store.Append(heaps[3]);
                store.Append(heaps[2]);
                store.Append(heaps[3]);
              }),
      {"no push-down",
       [](const std::vector<Span>& spans) {
         std::vector<std::vector<traceql::TestSpan>> blocks;
         for (const auto& heap : Split(spans, 4)) {
           blocks.emplace_back();
           for (const Span& span : heap) blocks.back().push_back(Convert(span));
         }
         return std::make_shared<traceql::FakeView>(blocks);
       }},
  };
  return kLayouts;
}

std::string SearchEngine(const traceql::SpanView& view, const std::string& query,
                         const SearchLimits& limits) {
  const auto parsed = traceql::Parse(query);
  if (!parsed.has_value()) return "refused: " + std::string(parsed.error().message());
  traceql::SearchOptions options;
  options.limit = static_cast<uint32_t>(limits.traces);
  options.spans_per_spanset = static_cast<uint32_t>(limits.spans_per_spanset);
  options.start = limits.start;
  options.end = limits.end;
  options.helpers = HelpersFor(query);
  const auto result = traceql::Search(view, *parsed, options);
  if (!result.has_value()) return "failed: " + result.error().ToString();
  std::string out;
  for (const traceql::SearchTrace& trace : result->traces) {
    out += ShowTrace(trace.id.ToHex(), trace.start, trace.duration, trace.root_service,
                     trace.root_name);
    for (const auto& [name, stats] : trace.services) {
      out += ShowService(name, stats.spans, stats.errors);
    }
    for (const traceql::SearchSpanset& spanset : trace.spansets) out += Show(spanset);
  }
  return out;
}

std::string ExemplarsOf(const traceql::SpanView& view, const std::string& query,
                        const MetricsRange& range, uint32_t limit) {
  const auto parsed = traceql::Parse(query);
  if (!parsed.has_value()) return "refused: " + std::string(parsed.error().message());
  traceql::MetricsOptions options = OptionsFor(query, range);
  options.exemplars = limit;
  const auto result = traceql::EvaluateMetrics(view, *parsed, options);
  if (!result.has_value()) return "failed: " + result.error().ToString();
  std::string out;
  for (const traceql::MetricsSeries& series : result->series) {
    for (const traceql::MetricsExemplar& exemplar : series.exemplars) {
      for (const auto* labels : {&series.labels, &exemplar.labels}) {
        for (const traceql::MetricsLabel& label : *labels) {
          out += ShowLabel(label.name, DatumOf(label.value)) + " ";
        }
      }
      out += ShowPoint(exemplar.timestamp_ms, exemplar.value) + "\n";
    }
  }
  return out;
}

std::string MetricsEngine(const traceql::SpanView& view, const std::string& query,
                          const MetricsRange& range) {
  const auto parsed = traceql::Parse(query);
  if (!parsed.has_value()) return "refused: " + std::string(parsed.error().message());
  const traceql::MetricsOptions options = OptionsFor(query, range);
  const auto result = traceql::EvaluateMetrics(view, *parsed, options);
  if (!result.has_value()) return "failed: " + result.error().ToString();
  std::vector<std::string> texts;
  for (const traceql::MetricsSeries& series : result->series) {
    std::vector<std::string> labels;
    for (const traceql::MetricsLabel& label : series.labels) {
      labels.push_back(ShowLabel(label.name, DatumOf(label.value)));
    }
    std::string points;
    for (size_t i = 0; i < series.values.size(); ++i) {
      if (std::isnan(series.values[i])) continue;
      points += ShowPoint(result->timestamps_ms[i], series.values[i]);
    }
    texts.push_back(ShowSeries(labels, points));
  }
  std::sort(texts.begin(), texts.end());
  return std::accumulate(texts.begin(), texts.end(), std::string());
}

}  // namespace tocsin::oracle
