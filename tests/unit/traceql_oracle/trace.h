/// Traces written down the plainest way, and the values that the oracle computes with.

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace tocsin::oracle {

/// A value of `status` or `kind`: its word. No word is of both.
struct Word {
  std::string word;
  friend auto operator<=>(const Word&, const Word&) = default;
};

/// A span of time. Compares as a number does, but calculates in floats.
struct Elapsed {
  int64_t count = 0;
  friend auto operator<=>(const Elapsed&, const Elapsed&) = default;
};

struct Datum;
using Array = std::vector<Datum>;
struct Datum : std::variant<bool, int64_t, double, std::string, Word, Elapsed, Array> {
  using variant::variant;
  const variant& base() const { return *this; }
};

/// What an expression is worth for one span: nothing, one value, or, of events and links, several.
using Data = std::vector<Datum>;

using Attributes = std::map<std::string, Datum>;

struct Event {
  uint64_t time = 0;
  std::string name;
  Attributes attributes;
};

struct Link {
  std::string trace_id;  ///< 32 digits.
  std::string span_id;   ///< 16 digits.
  Attributes attributes;
};

struct Span {
  std::string trace_id;   ///< 32 digits.
  std::string id;         ///< 16 digits.
  std::string parent_id;  ///< 16 digits; "" for a root.
  uint64_t start = 0;     ///< Unix nanoseconds.
  uint64_t end = 0;
  std::string name;
  std::string status = "unset";
  std::string status_message;
  std::string kind = "unspecified";
  Attributes attributes;
  Attributes resource;
  std::string scope_name;
  std::string scope_version;
  Attributes scope_attributes;
  std::vector<Event> events;
  std::vector<Link> links;

  int64_t Duration() const { return end > start ? static_cast<int64_t>(end - start) : 0; }
};

/// All spans of one trace by (start, id, end), each once.
class Trace {
 public:
  explicit Trace(std::vector<Span> spans);

  const std::vector<Span>& spans() const { return spans_; }
  uint64_t Start() const;
  int64_t Duration() const;
  const Span* Root() const;  ///< The earliest without a parent's id; may be null.
  /// The first with the id that the span gives as its parent's; null for none and for itself.
  const Span* Parent(const Span& span) const;
  /// Does walking up from `span` lead to `other`, which is not `span`?
  bool IsAncestor(const Span& other, const Span& span) const;
  int64_t ChildCount(const Span& span) const;

  struct Nesting {
    int64_t left = 0;
    int64_t right = 0;
    int64_t parent = 0;
  };
  /// The numbers of a walk from the roots; zeros for spans that it does not meet.
  std::map<const Span*, Nesting> Nest() const;

 private:
  void NestBelow(const Span& span, int64_t parent, int64_t* number,
                 std::map<const Span*, Nesting>* nesting) const;

  std::vector<Span> spans_;
};

/// The traces of a heap of spans, newest first, those that start together by id.
std::vector<Trace> TracesOf(const std::vector<Span>& spans);

/// As text, for messages.
std::string Describe(const std::vector<Span>& spans);
std::string Describe(const Datum& datum);

}  // namespace tocsin::oracle
