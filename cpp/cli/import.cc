#include "cpp/cli/import.h"

#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "cpp/base/telemetry.h"
#include "cpp/cli/files.h"
#include "cpp/cli/patient_fetch.h"
#include "cpp/cli/text.h"
#include "cpp/engine/engine.h"
#include "cpp/engine/trace_file_reader.h"
#include "cpp/server/engine_options.h"
#include "cpp/server/server_file.h"

namespace tocsin::cli {
namespace {

constexpr std::string_view kTenant = "single-tenant";
// Requests are sent together until they have so much of either.
constexpr size_t kBatchBytes = size_t{1} << 20;
constexpr uint64_t kBatchSpans = 2'000;

// Where spans go.
class Target {
 public:
  virtual ~Target() = default;
  // Takes a serialised request whole, or nothing of it.
  virtual Status Take(const std::string& body) = 0;
  // After the last one.
  virtual Status Finish() = 0;
};

class ServerTarget final : public Target {
 public:
  explicit ServerTarget(const std::string& url) {
    request_.method = "POST";
    request_.url = url + "/v1/traces";
    request_.headers = {{"Content-Type", "application/x-protobuf"}};
  }
  Status Take(const std::string& body) override {
    request_.body = body;
    TOCSIN_ASSIGN_OR_RETURN(const http::Response answer, PatientFetch(request_));
    return {};
  }
  Status Finish() override { return {}; }

 private:
  http::ClientRequest request_;
};

class DirectoryTarget final : public Target {
 public:
  explicit DirectoryTarget(std::unique_ptr<engine::Engine> engine) : engine_(std::move(engine)) {}
  Status Take(const std::string& body) override {
    TOCSIN_ASSIGN_OR_RETURN(const engine::ExportResult result, engine_->Export(kTenant, body));
    return {};
  }
  Status Finish() override {
    TOCSIN_RETURN_IF_ERROR(engine_->Flush());
    return engine_->Close();
  }

 private:
  const std::unique_ptr<engine::Engine> engine_;
};

// Files are read here, and Tempo's blocks, which are Parquet, with the Python module.
Status CheckNoDirectory(const std::string& path) {
  namespace fs = std::filesystem;
  constexpr int kDepth = 2;  // A backend has tenants, and these have blocks.
  std::error_code error;
  if (!fs::is_directory(path, error)) return {};
  const auto is_block = [&](const fs::path& at) { return fs::exists(at / "meta.json", error); };
  bool blocks = is_block(path);
  fs::recursive_directory_iterator it(path, error);
  for (; !error && !blocks && it != fs::recursive_directory_iterator(); it.increment(error)) {
    if (it.depth() + 1 >= kDepth) it.disable_recursion_pending();
    blocks = is_block(it->path());
  }
  if (!blocks) return InvalidArgumentError(path + " is a directory, not a file of traces");
  return InvalidArgumentError(path +
                              " has blocks of Tempo; they are read by: python -m "
                              "tocsin.tempo_blocks " +
                              path + " | tocsin import -");
}

class Importer {
 public:
  explicit Importer(Target* target) : target_(*target) {}

  Status File(const std::string& path) {
    const Status status = Read(path);
    // What came before is whole, whatever follows it.
    const Status sent = Send();
    const std::string name = path == "-" ? "standard input" : path;
    if (!status.ok()) return status.WithContext(name);
    return sent.ok() ? sent : sent.WithContext(name);
  }

  void Report() const {
    std::fprintf(stderr, "imported %s spans of %s requests\n", FormatCount(taken_spans_).c_str(),
                 FormatCount(taken_requests_).c_str());
    if (invalid_ > 0) {
      std::fprintf(stderr, "left out %s invalid spans: %s\n", FormatCount(invalid_).c_str(),
                   rejection_.c_str());
    }
  }

 private:
  Status Read(const std::string& path) {
    TOCSIN_RETURN_IF_ERROR(CheckNoDirectory(path));
    TOCSIN_ASSIGN_OR_RETURN(std::unique_ptr<lib::ByteSource> source, OpenSource(path));
    engine::TraceFileReader reader(std::move(source));
    while (true) {
      TOCSIN_ASSIGN_OR_RETURN(const std::optional<engine::TraceFileRecord> record, reader.Next());
      if (!record) return {};
      if (batch_.size() + record->body.size() > kBatchBytes || spans_ >= kBatchSpans) {
        TOCSIN_RETURN_IF_ERROR(Send());
      }
      batch_ += record->body;  // Requests one behind the other are one request.
      spans_ += record->spans;
      ++requests_;
      invalid_ += record->invalid;
      if (rejection_.empty()) rejection_ = record->rejection;
    }
  }

  Status Send() {
    if (requests_ == 0) return {};
    const Status taken = target_.Take(batch_);
    if (taken.ok()) {
      taken_spans_ += spans_;
      taken_requests_ += requests_;
    }
    batch_.clear();
    spans_ = 0;
    requests_ = 0;
    return taken;
  }

  Target& target_;
  std::string batch_;
  uint64_t spans_ = 0;
  uint64_t requests_ = 0;
  uint64_t taken_spans_ = 0;
  uint64_t taken_requests_ = 0;
  uint64_t invalid_ = 0;
  std::string rejection_;  // Of the first request that has one.
};

Result<std::unique_ptr<Target>> OpenTarget(const Arguments& arguments,
                                           const config::Config* config) {
  if (config == nullptr) return std::make_unique<ServerTarget>(arguments.url);
  auto engine =
      engine::Engine::Open(server::EngineOptionsOf(*config), Clock::Real(), Telemetry::None());
  if (engine.has_value()) return std::make_unique<DirectoryTarget>(*std::move(engine));
  if (engine.error().code() != StatusCode::kAlreadyExists) return Failure(engine.error());
  const Result<std::string> url = server::ReadServerUrl(config->storage.path);
  if (!url.has_value()) return Failure(engine.error());
  return std::make_unique<ServerTarget>(*url);
}

}  // namespace

Status Import(const Arguments& arguments, const config::Config* config) {
  if (arguments.positional.empty()) {
    return InvalidArgumentError("tocsin import takes files, or - for standard input");
  }
  TOCSIN_ASSIGN_OR_RETURN(const std::unique_ptr<Target> target, OpenTarget(arguments, config));
  Importer importer(target.get());
  Status status;
  for (const std::string& path : arguments.positional) {
    status = importer.File(path);
    if (!status.ok()) break;
  }
  const Status finished = target->Finish();
  importer.Report();
  return status.ok() ? finished : status;
}

}  // namespace tocsin::cli
