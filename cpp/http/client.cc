#include "cpp/http/client.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/base/base64.h"
#include "cpp/http/address.h"
#include "cpp/http/connection_pool.h"
#include "cpp/http/credentials.h"
#include "cpp/http/proxy.h"
#include "cpp/http/response_reader.h"
#include "cpp/http/secret.h"
#include "cpp/http/stream.h"
#include "cpp/http/tls.h"
#include "cpp/http/url.h"

namespace tocsin::http {
namespace {

bool HasLineBreak(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

bool IsOneOf(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::ranges::any_of(names, [&](std::string_view one) { return SameName(name, one); });
}

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/// May `next` be told the secrets that were meant for `first`?
bool MaySeeSecrets(const Url& first, const Url& next) {
  return next.endpoint.host == first.endpoint.host &&
         (next.endpoint.port == first.endpoint.port || (!first.tls && next.tls)) &&
         (next.tls || !first.tls);
}

/// What a header of the options says now.
Result<Headers> ReadHeaders(const std::vector<std::pair<std::string, Secret>>& headers) {
  Headers read;
  for (const auto& [name, secret] : headers) {
    TOCSIN_ASSIGN_OR_RETURN(std::string value, ReadSecret(secret));
    read.emplace_back(name, std::move(value));
  }
  return read;
}

/// Turns the request into the one that a redirect asks for.
void Redirect(const Url& from, const Response& response, ClientRequest* request) {
  request->url = ResolveReference(from, response.Header("location"));
  if (response.status == 307 || response.status == 308) return;
  if (request->method != "GET" && request->method != "HEAD") request->method = "GET";
  request->body.clear();
  std::erase_if(request->headers, [](const auto& header) {
    return IsOneOf(header.first, {"content-type", "content-encoding"});
  });
}

/// One request on its way to one server.
struct Hop {
  const ClientRequest& request;
  Url url;
  std::optional<Url> proxy;
  bool secrets = true;  ///< May it be told what authorizes?
};

/// Which connections could carry it.
std::string RouteOf(const Hop& hop) {
  return hop.url.Origin() + (hop.proxy.has_value() ? " " + hop.proxy->Origin() : "");
}

std::string UserOf(const Url& url) {
  return "Basic " + Base64(PercentDecode(url.user_info, false));
}

}  // namespace

struct Client::Parts {
  Parts(ClientOptions client_options, size_t max_idle, bool keep)
      : options(std::move(client_options)),
        keep_alive(keep),
        tls(options.tls),
        pool(max_idle, kMaxIdleTime) {
    FetchFunction fetch_token;
    if (options.oauth2.has_value()) {
      ClientOptions token_options;
      token_options.tls = options.oauth2->tls;
      token_options.proxy = options.oauth2->proxy;
      token_client = std::make_unique<Client>(std::move(token_options));
      fetch_token = [this](const ClientRequest& request) { return token_client->Fetch(request); };
    }
    credentials = std::make_unique<Credentials>(options, std::move(fetch_token));
  }

  Result<Response> Fetch(const ClientRequest& request);
  Result<Response> Exchange(const Hop& hop, const Patience& patience);
  Result<std::string> FormatHead(const Hop& hop, const Patience& patience);
  Result<std::unique_ptr<Stream>> Connect(const Hop& hop, const Patience& patience);
  Status Tunnel(const Hop& hop, Stream* stream, const Patience& patience);

  const ClientOptions options;
  const bool keep_alive;
  TlsContext tls;
  ConnectionPool pool;
  std::unique_ptr<Client> token_client;
  std::unique_ptr<Credentials> credentials;
};

// Status line and headers of the request. Host, Connection and Content-Length are ours.
Result<std::string> Client::Parts::FormatHead(const Hop& hop, const Patience& patience) {
  const bool whole_url = hop.proxy.has_value() && !hop.url.tls;
  std::string text = hop.request.method + " " + (whole_url ? hop.url.Origin() : "") +
                     hop.url.target + " HTTP/1.1\r\nHost: " + hop.url.authority + "\r\n";
  if (!keep_alive) text.append("Connection: close\r\n");
  Headers headers = hop.request.headers;
  if (hop.secrets) {
    TOCSIN_ASSIGN_OR_RETURN(const Headers more, ReadHeaders(options.headers));
    headers.insert(headers.end(), more.begin(), more.end());
  }
  const auto has = [&](std::string_view name) {
    return std::ranges::any_of(headers, [&](const auto& h) { return SameName(h.first, name); });
  };
  if (!has("user-agent")) headers.emplace_back("User-Agent", "tocsin");
  if (hop.secrets && !has("authorization")) {
    ClientRequest asking;
    asking.timeout = patience.Left();
    asking.stop = patience.stop();
    TOCSIN_ASSIGN_OR_RETURN(std::string value, credentials->Header(asking));
    if (value.empty() && !hop.url.user_info.empty()) value = UserOf(hop.url);
    if (!value.empty()) headers.emplace_back("Authorization", std::move(value));
  }
  if (whole_url && !hop.proxy->user_info.empty()) {
    headers.emplace_back("Proxy-Authorization", UserOf(*hop.proxy));
  }
  for (const auto& [name, value] : headers) {
    if (HasLineBreak(name) || HasLineBreak(value)) {
      return InvalidArgumentError("header \"" + name + "\" has a line break");
    }
    if (IsOneOf(name, {"host", "connection", "content-length"})) continue;
    if (!hop.secrets && IsOneOf(name, {"authorization", "cookie", "proxy-authorization"})) continue;
    text.append(name).append(": ").append(value).append("\r\n");
  }
  const ClientRequest& request = hop.request;
  if (!request.body.empty() || (request.method != "GET" && request.method != "HEAD")) {
    text.append("Content-Length: ").append(std::to_string(request.body.size())).append("\r\n");
  }
  return text.append("\r\n");
}

// Asks the proxy for a connection to an https server.
Status Client::Parts::Tunnel(const Hop& hop, Stream* stream, const Patience& patience) {
  const HostPort& endpoint = hop.url.endpoint;
  const bool is_v6 = endpoint.host.find(':') != std::string::npos;
  const std::string target =
      (is_v6 ? "[" + endpoint.host + "]" : endpoint.host) + ":" + std::to_string(endpoint.port);
  std::string head = "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n";
  TOCSIN_ASSIGN_OR_RETURN(Headers headers, ReadHeaders(options.proxy.connect_headers));
  if (!hop.proxy->user_info.empty()) {
    headers.emplace_back("Proxy-Authorization", UserOf(*hop.proxy));
  }
  for (const auto& [name, value] : headers) {
    if (HasLineBreak(name) || HasLineBreak(value)) {
      return InvalidArgumentError("header \"" + name + "\" has a line break");
    }
    head.append(name).append(": ").append(value).append("\r\n");
  }
  TOCSIN_RETURN_IF_ERROR(stream->Write(head.append("\r\n"), patience));
  TOCSIN_ASSIGN_OR_RETURN(const Response answer,
                          ResponseReader(stream, &patience, 0).ReadHeadOnly());
  if (answer.status / 100 == 2) return {};
  return patience.Broken("the proxy " + hop.proxy->authority,
                         "it answered " + std::to_string(answer.status));
}

Result<std::unique_ptr<Stream>> Client::Parts::Connect(const Hop& hop, const Patience& patience) {
  const Url& next = hop.proxy.has_value() ? *hop.proxy : hop.url;
  TOCSIN_ASSIGN_OR_RETURN(const std::vector<SocketAddress> addresses, Resolve(next.endpoint));
  TOCSIN_ASSIGN_OR_RETURN(Descriptor socket, ConnectTo(addresses, patience));
  auto plain = std::make_unique<PlainStream>(std::move(socket));
  if (!hop.url.tls) return plain;
  if (hop.proxy.has_value()) TOCSIN_RETURN_IF_ERROR(Tunnel(hop, plain.get(), patience));
  return tls.Connect(std::move(*plain).Release(), hop.url.endpoint.host, patience);
}

Result<Response> Client::Parts::Exchange(const Hop& hop, const Patience& patience) {
  TOCSIN_ASSIGN_OR_RETURN(const std::string head, FormatHead(hop, patience));
  const std::string route = RouteOf(hop);
  while (true) {
    std::unique_ptr<Stream> stream = keep_alive ? pool.Take(route) : nullptr;
    const bool reused = stream != nullptr;
    if (!reused) {
      TOCSIN_ASSIGN_OR_RETURN(stream, Connect(hop, patience));
    }
    ResponseReader reader(stream.get(), &patience, hop.request.max_response_bytes);
    Status sent = stream->Write(head, patience);
    if (sent.ok()) sent = stream->Write(hop.request.body, patience);
    Result<Response> response =
        sent.ok() ? reader.Read(hop.request.method) : Result<Response>(std::unexpected(sent));
    if (response.has_value()) {
      if (keep_alive && reader.reusable()) pool.Give(route, std::move(stream));
      return response;
    }
    const bool hung_up = response.error().code() == StatusCode::kUnavailable && !reader.started();
    if (!reused || !hung_up) return response;
  }
}

Result<Response> Client::Parts::Fetch(const ClientRequest& request) {
  const Patience patience(ShownUrl(request.url), request.timeout, request.stop);
  TOCSIN_ASSIGN_OR_RETURN(const Url first, ParseUrl(request.url));
  std::optional<ClientRequest> changed;  // What redirects have made of it.
  for (int redirects = 0;; ++redirects) {
    const ClientRequest& current = changed.has_value() ? *changed : request;
    TOCSIN_ASSIGN_OR_RETURN(const Url url, ParseUrl(current.url));
    TOCSIN_ASSIGN_OR_RETURN(const std::optional<Url> proxy, ProxyFor(url, options.proxy));
    const bool secrets = redirects == 0 || MaySeeSecrets(first, url);
    TOCSIN_ASSIGN_OR_RETURN(Response response, Exchange({current, url, proxy, secrets}, patience));
    if (response.status == 401) credentials->Refused();
    if (!options.follow_redirects || !IsRedirect(response.status) ||
        response.Header("location").empty()) {
      return response;
    }
    if (redirects == kMaxRedirects) {
      return patience.Broken("following redirects", "there are more than ten");
    }
    if (!changed.has_value()) changed = request;
    Redirect(url, response, &*changed);
  }
}

Client::Client(ClientOptions options)
    : parts_(std::make_unique<Parts>(std::move(options), kMaxIdle, true)) {}

Client::~Client() = default;

Result<Response> Client::Fetch(const ClientRequest& request) { return parts_->Fetch(request); }

Status Client::Check() {
  TOCSIN_RETURN_IF_ERROR(parts_->tls.Check());
  const ClientOptions& options = parts_->options;
  std::vector<Secret> secrets;
  if (options.basic_auth) secrets = {options.basic_auth->username, options.basic_auth->password};
  if (options.authorization) secrets = {options.authorization->credentials};
  if (options.oauth2) secrets = {options.oauth2->client_secret};
  for (const auto* headers : {&options.headers, &options.proxy.connect_headers}) {
    for (const auto& [name, secret] : *headers) secrets.push_back(secret);
  }
  for (const Secret& secret : secrets) {
    if (const auto value = ReadSecret(secret); !value) return value.error();
  }
  return parts_->token_client == nullptr ? Status() : parts_->token_client->Check();
}

Result<Response> Fetch(const ClientRequest& request) {
  ClientOptions options;
  options.follow_redirects = false;
  return Client::Parts(std::move(options), 0, false).Fetch(request);
}

}  // namespace tocsin::http
