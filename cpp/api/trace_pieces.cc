#include "cpp/api/trace_pieces.h"

#include <string_view>
#include <utility>

#include "cpp/api/shared_spans.h"

namespace tocsin::api {
namespace {

using Beginning = TempoQueries::Beginning;
using SharedIds = TempoQueries::SharedIds;

Status VisitTrace(const Beginning& found, const TraceId& id, SharedIds shared,
                  const std::function<bool(const SpanBatch&)>& visit) {
  if (found.more) return VisitPieces(*found.view, id, shared, visit);
  visit(found.first);
  return {};
}

Status CheckSize(const TempoQueries& queries, const Beginning& found, const TraceId& id) {
  const uint64_t most = queries.limits().max_trace_bytes;
  if (most == 0) return {};
  uint64_t bytes = 0;
  TOCSIN_RETURN_IF_ERROR(VisitTrace(found, id, SharedIds::kKeep, [&](const SpanBatch& piece) {
    bytes += WireBytes(piece);
    return bytes <= most;
  }));
  if (bytes <= most) return {};
  return FailedPreconditionError("trace exceeds maximum size of " + std::to_string(most) +
                                 " bytes");
}

Result<Beginning> Find(const TempoQueries& queries, const TraceId& id, const TimeWindow& window,
                       const TempoQueries::Interrupted& interrupted, SharedIds shared) {
  TOCSIN_ASSIGN_OR_RETURN(Beginning found, queries.BeginTrace(id, window, interrupted, shared));
  if (found.first.empty()) return NotFoundError("trace not found");
  TOCSIN_RETURN_IF_ERROR(CheckSize(queries, found, id));
  return found;
}

// Many traces are small: what is sent is not.
class Buffer {
 public:
  explicit Buffer(const http::BodyWriter& write) : write_(write) {}

  // False once nobody reads any more.
  bool Add(std::string_view text) {
    text_.append(text);
    return text_.size() < kMost || Flush();
  }
  bool Flush() {
    const bool written = write_(text_);
    text_.clear();
    return written;
  }

 private:
  static constexpr size_t kMost = 64 << 10;

  const http::BodyWriter& write_;
  std::string text_;
};

// False if nobody reads any more or the trace cannot be read.
bool Write(const Beginning& found, const TraceId& id, TraceListWriter* writer, Buffer* out) {
  bool written = out->Add(writer->Begin(id));
  const Status status = VisitTrace(found, id, writer->shared_ids(), [&](const SpanBatch& piece) {
    if (!piece.empty()) written = written && out->Add(writer->Piece(piece));
    return written;
  });
  return status.ok() && written && out->Add(writer->End());
}

http::Response JsonStream(std::function<bool(const http::BodyWriter& write)> stream) {
  http::Response response;
  response.Set("Content-Type", "application/json");
  response.stream = std::move(stream);
  return response;
}

}  // namespace

uint64_t WireBytes(const SpanBatch& trace) {
  uint64_t bytes = 0;
  for (const uint32_t size : trace.wire_size) bytes += size;
  return bytes;
}

Status VisitPieces(const traceql::SpanView& view, const TraceId& id, SharedIds shared,
                   const std::function<bool(const SpanBatch&)>& visit) {
  if (shared == SharedIds::kKeep) return view.TracePieces(id, visit);
  SharedSpans ids;
  TOCSIN_RETURN_IF_ERROR(view.TracePieces(id, [&](const SpanBatch& piece) {
    ids.See(piece);
    return true;
  }));
  return view.TracePieces(id, [&](SpanBatch piece) {
    ids.Separate(&piece);
    return visit(piece);
  });
}

Result<Beginning> FindTrace(const TempoQueries& queries, const TraceId& id,
                            const TimeWindow& window, const http::Request& request,
                            SharedIds shared) {
  return Find(queries, id, window,
              queries.InterruptedWhen([&request] { return request.Cancelled(); }), shared);
}

http::Response SendTrace(Beginning found, const TraceId& id,
                         std::shared_ptr<TraceListWriter> writer) {
  return JsonStream([found = std::make_shared<const Beginning>(std::move(found)), id,
                     writer = std::move(writer)](const http::BodyWriter& write) {
    Buffer out(write);
    return out.Add(writer->Head()) && Write(*found, id, writer.get(), &out) &&
           out.Add(writer->Tail()) && out.Flush();
  });
}

http::Response SendTraces(const TempoQueries& queries, std::vector<TraceId> ids,
                          std::shared_ptr<TraceListWriter> writer) {
  return JsonStream(
      [&queries, ids = std::move(ids), writer = std::move(writer)](const http::BodyWriter& write) {
        // A client that has gone shows when it is written to.
        const TempoQueries::Interrupted interrupted = queries.InterruptedWhen({});
        Buffer out(write);
        if (!out.Add(writer->Head())) return false;
        for (const TraceId& id : ids) {
          const Result<Beginning> found =
              Find(queries, id, TimeWindow{}, interrupted, writer->shared_ids());
          if (found) {
            if (!Write(*found, id, writer.get(), &out)) return false;
          } else if (found.error().code() == StatusCode::kNotFound ||
                     found.error().code() == StatusCode::kFailedPrecondition) {
            writer->Missing(id, found.error());
          } else {
            return false;
          }
        }
        return out.Add(writer->Tail()) && out.Flush();
      });
}

}  // namespace tocsin::api
