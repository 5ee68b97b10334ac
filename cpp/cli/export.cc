#include "cpp/cli/export.h"

#include <cstdio>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/coding.h"
#include "cpp/base/url.h"
#include "cpp/cli/files.h"
#include "cpp/cli/patient_fetch.h"
#include "cpp/cli/text.h"
#include "cpp/engine/offline_spans.h"
#include "cpp/engine/trace_file_writer.h"
#include "cpp/server/server_file.h"
#include "cpp/traceql/parser.h"
#include "cpp/traceql/trace_list.h"

namespace tocsin::cli {
namespace {

constexpr std::string_view kTenant = "single-tenant";
constexpr size_t kIdsPerRequest = 200;
constexpr size_t kIdLineBytes = 33;
constexpr size_t kMaxListBytes = size_t{4} << 30;
constexpr size_t kMaxAnswerBytes = size_t{2} << 30;  // Traces are taken whole.

struct Selection {
  std::string query;  ///< Empty: everything.
  Nanos start = 0;
  Nanos end = INT64_MAX;
};

Result<Selection> SelectionOf(const Arguments& arguments) {
  Selection selection{.query = arguments.query};
  const Nanos now = Clock::Real().Now();
  if (!arguments.start.empty()) {
    TOCSIN_ASSIGN_OR_RETURN(selection.start, ParseMoment(arguments.start, now));
  }
  if (!arguments.end.empty()) {
    TOCSIN_ASSIGN_OR_RETURN(selection.end, ParseMoment(arguments.end, now));
  }
  if (selection.end < selection.start) return InvalidArgumentError("--end lies before --start");
  return selection;
}

Result<engine::TraceFileFormat> FormatOf(const Arguments& arguments) {
  if (arguments.format.empty() || arguments.format == "otlp-json") {
    return engine::TraceFileFormat::kOtlpJson;
  }
  if (arguments.format == "otlp-proto") return engine::TraceFileFormat::kOtlpProto;
  return InvalidArgumentError("--format is otlp-json or otlp-proto, not \"" + arguments.format +
                              "\"");
}

// Both return how many traces they wrote.

Result<uint64_t> ExportDirectory(const engine::OfflineSpans& spans, const Selection& selection,
                                 engine::TraceFileWriter* file) {
  std::optional<traceql::Query> query;
  if (!selection.query.empty()) {
    TOCSIN_ASSIGN_OR_RETURN(query, traceql::Parse(selection.query));
  }
  traceql::TraceListOptions list;
  list.start = static_cast<uint64_t>(selection.start);
  list.end = selection.end == INT64_MAX ? UINT64_MAX : static_cast<uint64_t>(selection.end);
  const auto view = spans.source().View(kTenant, 0, UINT64_MAX);
  TOCSIN_ASSIGN_OR_RETURN(const std::vector<TraceId> ids,
                          traceql::ListTraces(*view, query ? &*query : nullptr, list));
  for (const TraceId& id : ids) {
    Status written;
    TOCSIN_RETURN_IF_ERROR(view->TracePieces(id, [&](const SpanBatch& piece) {
      written = file->Add(piece);
      return written.ok();
    }));
    TOCSIN_RETURN_IF_ERROR(written);
  }
  return ids.size();
}

// The pieces in an answer of /api/export/traces.
Status WritePieces(std::string_view body, engine::TraceFileWriter* file) {
  while (!body.empty()) {
    const std::optional<uint64_t> size = GetVarint64(&body);
    if (!size || *size > body.size()) {
      return CorruptionError("an answer of the server is cut short");
    }
    TOCSIN_RETURN_IF_ERROR(file->AddEncoded(body.substr(0, *size)));
    body.remove_prefix(*size);
  }
  return {};
}

// `lines`: trace ids, each on a line.
Result<uint64_t> ExportListed(const std::string& url, std::string_view lines,
                              engine::TraceFileWriter* file) {
  const uint64_t traces = lines.size() / kIdLineBytes;
  while (!lines.empty()) {
    http::ClientRequest request;
    request.method = "POST";
    request.url = url + "/api/export/traces";
    request.body = lines.substr(0, kIdsPerRequest * kIdLineBytes);
    request.max_response_bytes = kMaxAnswerBytes;
    request.timeout = 5 * kMinute;
    TOCSIN_ASSIGN_OR_RETURN(const http::Response answer, PatientFetch(request));
    TOCSIN_RETURN_IF_ERROR(WritePieces(answer.body, file));
    lines.remove_prefix(request.body.size());
  }
  return traces;
}

Result<uint64_t> ExportServer(const std::string& url, const Selection& selection,
                              engine::TraceFileWriter* file) {
  http::ClientRequest request;
  request.url = url + "/api/export/ids?start_ns=" + std::to_string(selection.start) +
                "&end_ns=" + std::to_string(selection.end);
  if (!selection.query.empty()) request.url += "&q=" + EscapeQuery(selection.query);
  request.max_response_bytes = kMaxListBytes;
  request.timeout = kHour;
  TOCSIN_ASSIGN_OR_RETURN(const http::Response ids, PatientFetch(request));
  return ExportListed(url, ids.body, file);
}

}  // namespace

Status Export(const Arguments& arguments, const std::string& directory) {
  TOCSIN_ASSIGN_OR_RETURN(const Selection selection, SelectionOf(arguments));
  TOCSIN_ASSIGN_OR_RETURN(const engine::TraceFileFormat format, FormatOf(arguments));
  std::string url = arguments.url;
  std::unique_ptr<engine::OfflineSpans> offline;
  if (!directory.empty()) {
    auto opened = engine::OfflineSpans::Open(directory);
    if (opened.has_value()) {
      offline = *std::move(opened);
    } else {
      if (opened.error().code() != StatusCode::kAlreadyExists) return opened.error();
      const Result<std::string> server = server::ReadServerUrl(directory);
      if (!server.has_value()) return opened.error();
      url = *server;
    }
  }
  const std::string output = arguments.output.empty() ? "-" : arguments.output;
  TOCSIN_ASSIGN_OR_RETURN(const std::unique_ptr<lib::ByteSink> sink, OpenSink(output));
  engine::TraceFileWriter file(format, sink.get());
  TOCSIN_ASSIGN_OR_RETURN(const uint64_t traces, offline != nullptr
                                                     ? ExportDirectory(*offline, selection, &file)
                                                     : ExportServer(url, selection, &file));
  TOCSIN_RETURN_IF_ERROR(sink->Finish());
  std::fprintf(stderr, "exported %s spans of %s traces\n", FormatCount(file.spans()).c_str(),
               FormatCount(traces).c_str());
  return {};
}

}  // namespace tocsin::cli
