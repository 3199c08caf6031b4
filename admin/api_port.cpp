// Longer than most files here, because it is the one place where a call's steps meet.
#include "admin/api_port.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <random>

#include <event2/http.h>
#include <openssl/crypto.h>
#include <spdlog/spdlog.h>

#include "admin/browser_checks.h"
#include "admin/json_body.h"
#include "admin/path.h"
#include "api/problem.h"
#include "api/query_parameters.h"
#include "base/utf8.h"
#include "proxy/forwarded.h"
#include "proxy/gate.h"
#include "proxy/http.h"
#include "proxy/query.h"
#include "records/row.h"

namespace layergate::admin {
namespace {

constexpr std::string_view kPrefix = "/api/v1";
constexpr unsigned kThreads = 4;
constexpr std::size_t kQueue = 64;
constexpr std::size_t kLargestLogin = 8 * 1024;  // bytes of the body
// What a call changed is in force before it is answered; a file that somebody else is writing at
// that moment may delay it.
constexpr std::chrono::milliseconds kCatchUp{3000};

api::Reply unauthorized() {
  return api::problem(401, "unauthorized", "a right account and password are needed");
}

// Of these, one of two could be checked and the other obeyed.
bool has_repeated_field(const Request& request) {
  constexpr std::array<std::string_view, 9> kSingle{
      "Host",         "Authorization", "Origin",         "Sec-Fetch-Site",   "X-CSRF-Token",
      "Content-Type", "If-Match",      "Content-Length", "X-Forwarded-Proto"};
  return std::any_of(kSingle.begin(), kSingle.end(), [&](std::string_view name) {
    return std::count_if(request.fields.begin(), request.fields.end(),
                         [&](const auto& field) { return proxy::iequals(field.first, name); }) > 1;
  });
}

bool is_json_type(std::string_view type) {
  const auto end = std::min(type.find(';'), type.size());
  const auto name = proxy::trim(type.substr(0, end));
  auto parameters = proxy::trim(type.substr(std::min(end + 1, type.size())));
  const bool utf8 = parameters.empty() || proxy::iequals(parameters, "charset=utf-8") ||
                    proxy::iequals(parameters, "charset=\"utf-8\"");
  return proxy::iequals(name, "application/json") && utf8;
}

}  // namespace

struct ApiPort::Exchange {
  evhttp_request* to;
  Request request;
  std::string trace;
  WallTime time{};
  api::Call call;
  bool is_https = false;
  bool is_login = false;   // POST /session
  std::string account;     // as claimed, until it was checked
  std::string token;       // of the session that the request has
  std::string set_cookie;  // for the answer
  int retry_after = 0;     // seconds, for the answer

  // The prefix has a browser insist on Secure, on Path=/ and on no Domain (RFC 6265bis).
  [[nodiscard]] std::string_view cookie_name() const {
    return is_https ? "__Host-layergate_session" : "layergate_session";
  }
  [[nodiscard]] std::string cookie(std::string_view value, std::string_view more) const {
    return std::string(cookie_name()) + '=' + std::string(value) +
           "; Path=/; HttpOnly; SameSite=Strict" + (is_https ? "; Secure" : "") + std::string(more);
  }
};

ApiPort::ApiPort(proxy::Server& server, api::Site site, std::shared_ptr<TaskQueue> loop)
    : server_(server),
      context_(server.context()),
      service_(std::move(site)),
      loop_(std::move(loop)),
      sessions_({context_.config.admin.session_idle, context_.config.admin.session_longest}),
      trace_seed_(std::random_device{}() * 0x9e3779b97f4a7c15ULL),
      pool_(kThreads, kQueue) {}

bool ApiPort::is_call(const std::string& path) {
  return path == kPrefix || path.starts_with(std::string(kPrefix) + '/');
}

void ApiPort::take(evhttp_request* from, Request request) {
  auto exchange = std::make_shared<Exchange>();
  exchange->to = from;
  exchange->request = std::move(request);
  exchange->time = wall_now();
  std::array<char, 24> trace{};
  std::snprintf(trace.data(), trace.size(), "%016llx",
                static_cast<unsigned long long>(trace_seed_ + ++traces_ * 0x9e3779b97f4a7c15ULL));
  exchange->trace = trace.data();
  if (const auto refused = read(*exchange)) return answer(exchange, *refused);
  identify(exchange);
}

std::optional<api::Reply> ApiPort::read(Exchange& exchange) const {
  const auto& request = exchange.request;
  const auto& config = context_.config.admin;
  if (has_repeated_field(request)) return api::usage("a field stands twice that may stand once");
  if (auto refused = refuse_host(request, config.names)) return refused;
  if (auto refused = refuse_foreign_page(request)) return refused;

  auto& call = exchange.call;
  const auto below = std::string_view(request.path).substr(kPrefix.size());
  auto path = split_path(below.empty() ? "/" : below);
  if (!path) return api::usage("the path is malformed");
  call.path = *std::move(path);
  const auto query = proxy::Query::parse(request.query);
  if (!query) return api::usage("the query is malformed, or names a parameter twice");
  for (const auto& [name, value] : query->parameters()) {
    if (!is_utf8(name) || !is_utf8(value)) return api::usage("the query is no UTF-8");
    call.query.emplace_back(name, value);
  }
  call.method = request.method == "HEAD" ? "GET" : request.method;
  if (const auto* if_match = request.field("If-Match")) call.if_match = *if_match;

  const auto address = proxy::forwarded_address(request.peer, request.list("X-Forwarded-For"),
                                                config.trusted_proxies);
  if (!address) return api::usage("a malformed X-Forwarded-For");
  call.caller.address = *address;
  const auto protocols = request.list("X-Forwarded-Proto");
  exchange.is_https = contains(config.trusted_proxies, request.peer) && !protocols.empty() &&
                      proxy::iequals(protocols.back(), "https");
  return std::nullopt;
}

std::optional<api::Reply> ApiPort::read_body(Exchange& exchange) {
  const auto& request = exchange.request;
  if (request.body.empty()) return std::nullopt;
  if (!request.is_change()) return api::usage(request.method + " takes no body");
  const auto* type = request.field("Content-Type");
  if (type == nullptr || !is_json_type(*type)) {
    return api::problem(415, "usage", "the body must be JSON, with Content-Type: application/json");
  }
  auto body = parse_json_body(request.body);
  if (!body) return api::usage(body.error());
  exchange.call.body = *std::move(body);
  return std::nullopt;
}

void ApiPort::identify(const ExchangePtr& exchange) {
  auto& request = exchange->request;
  if (exchange->call.path == std::vector<std::string>{"session"}) return identify_session(exchange);
  const auto* authorization = request.field("Authorization");
  if (authorization != nullptr) {
    auto credential = auth::parse_basic(*authorization);
    if (!credential) return answer(exchange, unauthorized());
    return check(exchange, *std::move(credential));
  }
  exchange->token = request.cookie(exchange->cookie_name()).value_or("");
  const auto* session = exchange->token.empty()
                            ? nullptr
                            : sessions_.find(exchange->token, SessionStore::Clock::now());
  if (session == nullptr || !goes_on(*session)) {
    sessions_.end(exchange->token);
    return answer(exchange, unauthorized());
  }
  if (request.is_change()) {
    const auto* token = request.field("X-CSRF-Token");
    if (token == nullptr || token->size() != session->csrf.size() ||
        CRYPTO_memcmp(token->data(), session->csrf.data(), token->size()) != 0) {
      return answer(exchange, api::denied("X-CSRF-Token must be the csrf_token of GET /session"));
    }
  }
  exchange->account = session->account;
  if (const auto refused = admit(*exchange)) return answer(exchange, *refused);
  carry_out(exchange);
}

void ApiPort::identify_session(const ExchangePtr& exchange) {
  auto& request = exchange->request;
  if (auto refused = api::only_parameters(exchange->call, {})) return answer(exchange, *refused);
  if (request.method == "POST") return log_in(exchange);
  if (request.method != "GET" && request.method != "HEAD" && request.method != "DELETE") {
    auto reply = api::problem(405, "usage", "a session is made, shown or ended");
    reply.allow = "GET, POST, DELETE";
    return answer(exchange, reply);
  }
  const auto token = request.cookie(exchange->cookie_name()).value_or("");
  const auto* session = sessions_.find(token, SessionStore::Clock::now());
  if (session == nullptr || !goes_on(*session)) {
    sessions_.end(token);
    return answer(exchange, api::problem(401, "unauthorized", "there is no session"));
  }
  api::Reply reply;
  if (request.method == "DELETE") {
    const auto* given = request.field("X-CSRF-Token");
    if (given == nullptr || *given != session->csrf) {
      return answer(exchange, api::denied("X-CSRF-Token must be the csrf_token of GET /session"));
    }
    sessions_.end(token);
    exchange->set_cookie = exchange->cookie("", "; Max-Age=0");
    reply.status = 204;
  } else {
    reply.body = shown(*session);
  }
  answer(exchange, reply);
}

void ApiPort::log_in(const ExchangePtr& exchange) {
  // Read on the loop, and from anybody.
  if (exchange->request.body.size() > kLargestLogin) {
    return answer(exchange, api::problem(413, "usage", "the body is too large for a login"));
  }
  if (auto refused = read_body(*exchange)) return answer(exchange, *refused);
  const auto& body = exchange->call.body;
  const auto text = [&](const char* name) {
    const auto found = body && body->is_object() ? body->find(name) : api::Json::const_iterator();
    return body && body->is_object() && found != body->end() && found->is_string()
               ? found->get<std::string>()
               : std::string();
  };
  auto password = text("password");
  const auth::Cleanser cleanser(password.data(), password.size());
  auto user = text("user");
  if (!body || !body->is_object() || body->size() != 2 || user.empty() || password.empty()) {
    return answer(exchange, api::usage("the body must be {\"user\": \"…\", \"password\": \"…\"}"));
  }
  exchange->is_login = true;
  exchange->token = exchange->request.cookie(exchange->cookie_name()).value_or("");
  if (user.size() > auth::kLongestUser || password.size() > auth::kLongestPassword ||
      !auth::is_clean_text(user) || !auth::is_clean_text(password)) {
    return answer(exchange, unauthorized());
  }
  check(exchange, {std::move(user), auth::Secret(password)});
}

void ApiPort::check(const ExchangePtr& exchange, auth::Credential credential) {
  exchange->account = credential.user;
  const auto& address = exchange->call.caller.address;
  const auto later = [this, exchange, loop = loop_](auth::Verdict verdict) {
    loop->post([this, exchange, verdict] { on_verdict(exchange, verdict); });
  };
  // As at the registry's port: an account that may not be used is like one that is unknown.
  const auto admitted =
      context_.policies.current()->admit({exchange->account, address, exchange->time});
  const auto refused = proxy::refuse_account(admitted);
  auto& authenticator = context_.authenticator;
  const auto verdict = refused && refused->status == 401
                           ? authenticator.check_in_vain(std::move(credential), address, later)
                           : authenticator.check(std::move(credential), address, later);
  if (verdict) on_verdict(exchange, *verdict);
}

void ApiPort::on_verdict(const ExchangePtr& exchange, auth::Verdict verdict) {
  switch (verdict) {
    case auth::Verdict::accepted:
      if (exchange->is_login) return open_session(exchange);
      // A right password from where it may not be used is what a stolen one looks like.
      if (const auto refused = admit(*exchange)) return refuse_login(exchange, "refused", *refused);
      return carry_out(exchange);
    case auth::Verdict::rejected:
      return refuse_login(exchange, "wrong password or unknown user", unauthorized());
    case auth::Verdict::throttled:
      exchange->retry_after = 10;
      return refuse_login(
          exchange, "throttled",
          api::problem(429, "too_many_requests", "too many failed logins; wait a little"));
    case auth::Verdict::overloaded:
      exchange->retry_after = 2;
      return refuse_login(exchange, "overloaded",
                          api::problem(503, "unavailable", "too many logins at once; try again"));
  }
}

// By the policy in force now: whether the account may be used, and as what.
std::optional<api::Reply> ApiPort::admit(Exchange& exchange) const {
  auto& caller = exchange.call.caller;
  const auto policy = context_.policies.current();
  const auto refused =
      proxy::refuse_account(policy->admit({exchange.account, caller.address, wall_now()}));
  if (refused) return refused->status == 401 ? unauthorized() : api::denied(refused->message);
  caller.account = exchange.account;
  caller.admin = policy->is_admin(exchange.account);
  return std::nullopt;
}

void ApiPort::open_session(const ExchangePtr& exchange) {
  if (const auto refused = admit(*exchange)) return refuse_login(exchange, "refused", *refused);
  const auto line = context_.authenticator.line_of(exchange->account);
  if (!line) return refuse_login(exchange, "refused", unauthorized());
  const auto now = SessionStore::Clock::now();
  // What the browser had before ends: nobody can make it use a session that he knows.
  sessions_.end(exchange->token);
  const auto token = sessions_.open(exchange->account, *line, now);
  if (!token) {
    exchange->retry_after = 60;
    return answer(exchange, api::problem(503, "unavailable", "too many sessions are open"));
  }
  exchange->set_cookie = exchange->cookie(*token, "");
  context_.recorder.record(
      records::row_of(records::Administration{exchange->account, exchange->call.caller.address,
                                              "session.open", exchange->account, "", true, ""}));
  api::Reply reply;
  reply.status = 201;
  reply.location = std::string(kPrefix) + "/session";
  reply.body = shown(*sessions_.find(*token, now));
  answer(exchange, reply);
}

void ApiPort::carry_out(const ExchangePtr& exchange) {
  const bool taken = pool_.submit([this, exchange] {
    auto reply = call(*exchange);
    loop_->post([this, exchange, reply = std::move(reply)] {
      if (reply.wrong_password) sessions_.count_wrong_password(exchange->token);
      answer(exchange, reply);
    });
  });
  if (taken) return;
  exchange->retry_after = 2;
  answer(exchange, api::problem(503, "unavailable", "too many calls at once; try again"));
}

api::Reply ApiPort::call(Exchange& exchange) {
  if (auto refused = read_body(exchange)) return *std::move(refused);
  try {
    auto reply = service_.handle(exchange.call);
    if (exchange.request.is_change() && !reply.failed()) server_.catch_up(kCatchUp);
    return reply;
  } catch (const std::exception& error) {
    spdlog::error("{} {}: {} (request {})", exchange.request.method, exchange.request.path,
                  error.what(), exchange.trace);
    return api::problem(500, "io",
                        "an error inside the gate; its log has request " + exchange.trace);
  }
}

bool ApiPort::goes_on(const SessionStore::Session& session) const {
  const auto admitted = context_.policies.current()->admit({session.account, {}, wall_now()});
  const auto refused = proxy::refuse_account(admitted);
  // From which address it may be used is asked for each request.
  return (!refused || refused->status != 401) &&
         context_.authenticator.line_of(session.account) == session.line;
}

void ApiPort::tick() {
  sessions_.end_unless([this](const auto& session) { return goes_on(session); },
                       SessionStore::Clock::now());
}

api::Json ApiPort::shown(const SessionStore::Session& session) const {
  return {{"account", session.account},
          {"admin", context_.policies.current()->is_admin(session.account)},
          {"csrf_token", session.csrf},
          {"idle_seconds", context_.config.admin.session_idle.count()}};
}

void ApiPort::refuse_login(const ExchangePtr& exchange, const std::string& reason,
                           const api::Reply& reply) {
  records::AccessRecord record;
  record.time = exchange->time;
  record.trace = exchange->trace;
  record.user = exchange->account;
  record.address = exchange->call.caller.address;
  record.method = exchange->request.method;
  record.status = reply.status;
  record.reason = "admin port: " + reason;
  if (const auto* agent = exchange->request.field("User-Agent")) record.user_agent = *agent;
  if (context_.access_log.write(record)) context_.recorder.record(records::row_of(record));
  answer(exchange, reply);
}

void ApiPort::answer(const ExchangePtr& exchange, const api::Reply& reply) {
  Answer out;
  out.status = reply.status;
  if (!reply.body.is_null()) {
    out.type = reply.failed() ? "application/problem+json" : "application/json";
    out.body = reply.body.dump(-1, ' ', false, api::Json::error_handler_t::replace) + '\n';
  }
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) out.fields.emplace_back(name, value);
  };
  add("X-Request-Id", exchange->trace);
  add("ETag", reply.etag);
  add("Location", reply.location);
  add("Allow", reply.allow);
  add("Set-Cookie", exchange->set_cookie);
  if (exchange->retry_after > 0) add("Retry-After", std::to_string(exchange->retry_after));
  // To a page's request the browser would ask with a window of its own, and keep what it is told.
  if (reply.status == 401 && !exchange->request.is_of_page()) {
    add("WWW-Authenticate", "Basic realm=\"" + context_.config.realm + "\", charset=\"UTF-8\"");
  }
  send(exchange->to, out);
}

}  // namespace layergate::admin
