#include "cpp/ui/ui.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "cpp/base/check.h"
#include "cpp/base/url.h"
#include "cpp/http/accept.h"
#include "cpp/lib/compression.h"
#include "cpp/ui/assets.h"

namespace tocsin::ui {
namespace {

constexpr std::string_view kDocument = "index.html";
// What the document says of where its files are, and where more folders are named in its address.
constexpr std::string_view kBase = "<base href=\"./\">";
constexpr size_t kMaxFileBytes = 16 << 20;
// Nothing from elsewhere, nothing that stands in a document; images as the icon is one.
constexpr std::string_view kPolicy =
    "default-src 'self'; base-uri 'self'; object-src 'none'; form-action 'self'; "
    "frame-ancestors 'self'";

const Asset* Find(std::string_view name) {
  const auto all = Assets();
  const auto found = std::ranges::lower_bound(all, name, {}, &Asset::name);
  return found != all.end() && found->name == name ? &*found : nullptr;
}

std::string_view TypeOf(std::string_view name) {
  if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".svg")) return "image/svg+xml";
  return "text/html; charset=utf-8";
}

std::string Packed(const Asset& asset) { return {asset.gzip.begin(), asset.gzip.end()}; }

std::string Plain(const Asset& asset) {
  Result<std::string> plain = lib::Gunzip(Packed(asset), kMaxFileBytes);
  TOCSIN_CHECK(plain.has_value());  // The build has packed it.
  return *std::move(plain);
}

http::Response WithHeaders(http::Response response, std::string_view type) {
  response.Set("Content-Type", type);
  response.Set("Content-Security-Policy", kPolicy);
  response.Set("X-Content-Type-Options", "nosniff");
  response.Set("Referrer-Policy", "same-origin");
  return response;
}

http::Response ServeFile(const http::Request& request) {
  const Asset* const asset = Find(request.Param("file"));
  if (asset == nullptr || asset->name == kDocument) {
    return http::Response::Text(404, "404 no such file: " + request.path + "\n");
  }
  http::Response response;
  // Asked for each time, answered by 304: a new version is there at once, in one piece.
  response.Set("Cache-Control", "no-cache");
  response.Set("ETag", asset->etag);
  response.Set("Vary", "Accept-Encoding");
  if (request.Header("if-none-match").find(asset->etag) != std::string_view::npos) {
    response.status = 304;
    return response;
  }
  if (http::AcceptsGzip(request.Header("accept-encoding"))) {
    response.body = Packed(*asset);
    response.Set("Content-Encoding", "gzip");
  } else {
    response.body = Plain(*asset);
  }
  return WithHeaders(std::move(response), TypeOf(asset->name));
}

std::string Up(size_t folders) {
  std::string up;
  for (size_t i = 0; i < folders; ++i) up += "../";
  return up;
}

// The document for an address below /ui/: its files are beside the first part of it.
http::Response ServeDocument(const std::string& document, std::string_view path) {
  http::Response response;
  response.body = document;
  const auto deeper = std::ranges::count(path.substr(std::string_view("/ui/").size()), '/');
  const size_t at = document.find(kBase);
  TOCSIN_CHECK(at != std::string::npos);
  if (deeper > 0) {
    response.body.replace(at, kBase.size(),
                          "<base href=\"" + Up(static_cast<size_t>(deeper)) + "\">");
  }
  response.Set("Cache-Control", "no-cache");
  return WithHeaders(std::move(response), TypeOf(kDocument));
}

http::Response RedirectTo(const std::string& location) {
  return http::Response::Text(302, "see " + location + "\n").Set("Location", location);
}

bool IsBrowser(const http::Request& request) {
  return request.Header("accept").find("text/html") != std::string_view::npos;
}

std::string QueryOf(const http::Request& request) {
  std::string text;
  for (const auto& [name, value] : request.query) {
    text.append(1, text.empty() ? '?' : '&');
    text.append(EscapeQuery(name)).append("=").append(EscapeQuery(value));
  }
  return text;
}

// Where browsers are led to instead of a text that is at `pattern`; empty: nowhere.
std::string_view PageInsteadOf(std::string_view method, std::string_view pattern) {
  if (method != "GET") return {};
  if (pattern == "/") return "ui/";
  return pattern == "/status" ? "ui/status" : "";
}

}  // namespace

void RegisterUi(http::Router* router) {
  router->WrapHandlers(
      [](std::string_view method, std::string_view pattern, http::Handler text) -> http::Handler {
        const std::string page(PageInsteadOf(method, pattern));
        if (page.empty()) return text;
        return [page, text = std::move(text)](const http::Request& request) {
          return IsBrowser(request) ? RedirectTo(page) : text(request);
        };
      });
  const Asset* const document = Find(kDocument);
  TOCSIN_CHECK(document != nullptr);
  router->Handle("GET", "/ui/{page...}",
                 [document = Plain(*document)](const http::Request& request) {
                   return ServeDocument(document, request.path);
                 });
  router->Handle("GET", "/ui/assets/{file}", ServeFile);
  router->Handle("GET", "/ui", [](const http::Request&) { return RedirectTo("ui/"); });
  for (const char* path : {"/graph", "/query"}) {
    router->Handle("GET", path, [](const http::Request& request) {
      return RedirectTo("ui/metrics" + QueryOf(request));
    });
  }
  router->Handle("GET", "/alerts", [](const http::Request&) { return RedirectTo("ui/alerts"); });
  router->Handle("GET", "/trace/{id}", [](const http::Request& request) {
    return RedirectTo("../ui/trace/" + EscapeQuery(request.Param("id")));
  });
}

}  // namespace tocsin::ui
