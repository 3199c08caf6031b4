#include "admin/status.h"

#include <nlohmann/json.hpp>

namespace layergate::admin {
namespace {

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// As the text format wants a label's value.
std::string label(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

void add_metric(std::string& out, const std::string& name, const char* type, const char* help,
                const std::string& value) {
  out += "# HELP " + name + " " + help + "\n# TYPE " + name + " " + type + "\n" + name + " " +
         value + "\n";
}

nlohmann::ordered_json tls_detail(const proxy::Context& context) {
  const auto state = context.tls.state();
  auto certificates = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < state.set.listen.size(); ++i) {
    if (!state.set.listen[i]) continue;
    for (const auto& certificate : state.set.listen[i]->certificates()) {
      certificates.push_back({{"listen", context.config.listen[i].address.to_string()},
                              {"file", certificate.file},
                              {"names", certificate.names},
                              {"expires", format_time(certificate.expires)}});
    }
  }
  return {{"generation", state.generation},
          {"kept_back", !state.problems.empty()},
          {"problems", state.problems},
          {"certificates", certificates}};
}

void add_tls_metrics(std::string& out, const proxy::Context& context) {
  const auto state = context.tls.state();
  add_metric(out, "layergate_tls_kept_back", "gauge",
             "1 if the certificates on disk were refused and older ones are in force.",
             state.problems.empty() ? "0" : "1");
  const std::string name = "layergate_tls_certificate_expiry_seconds";
  out += "# HELP " + name +
         " When a certificate in force expires, in seconds since 1970.\n# TYPE " + name +
         " gauge\n";
  for (std::size_t i = 0; i < state.set.listen.size(); ++i) {
    if (!state.set.listen[i]) continue;
    for (const auto& certificate : state.set.listen[i]->certificates()) {
      const auto since = std::chrono::floor<std::chrono::seconds>(certificate.expires);
      out += name + "{listen=\"" + context.config.listen[i].address.to_string() + "\",file=\"" +
             label(certificate.file) + "\"} " + std::to_string(since.time_since_epoch().count()) +
             "\n";
    }
  }
}

}  // namespace

Readiness readiness(const proxy::Server& server, const std::string& upstream) {
  const auto& context = server.context();
  const auto state = context.policies.state();
  const auto index = context.keeper.status();
  const auto records = context.recorder.status();
  Readiness result;
  result.ready = upstream.empty() && !server.draining() && state.generation > 0;
  nlohmann::ordered_json json = {
      {"ready", result.ready},
      {"draining", server.draining()},
      {"upstream", upstream.empty() ? "ok" : "cannot be reached: " + upstream},
      {"policy",
       {{"generation", state.generation},
        {"loaded", format_time(state.loaded)},
        {"kept_back", !state.problems.empty()},
        {"problems", state.problems}}},
      {"htpasswd",
       {{"kept_back", !state.htpasswd_problems.empty()}, {"problems", state.htpasswd_problems}}},
      {"tls", tls_detail(context)},
      {"index",
       {{"complete", index.complete},
        {"repositories_to_learn", index.repositories_to_learn},
        {"intents", index.intents},
        {"unresolved", index.unresolved},
        {"problem", index.problem}}},
      {"records",
       {{"problem", records.problem}, {"lost", records.lost}, {"waiting", records.waiting}}}};
  if (context.storage != nullptr) json["storage"] = {{"problem", context.storage->problem()}};
  result.json = json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  return result;
}

std::string metrics_text(const proxy::Server& server) {
  const auto& context = server.context();
  auto out = context.metrics.to_text();
  const auto state = context.policies.state();
  add_metric(out, "layergate_policy_generation", "gauge",
             "Policies that came into force since the start.", std::to_string(state.generation));
  add_metric(out, "layergate_policy_kept_back", "gauge",
             "1 if the policy on disk was refused and an older one is in force.",
             state.problems.empty() ? "0" : "1");
  add_metric(out, "layergate_htpasswd_kept_back", "gauge",
             "1 if the password file on disk was refused and an older one is in force.",
             state.htpasswd_problems.empty() ? "0" : "1");
  add_metric(out, "layergate_reload_failures_total", "counter",
             "Policies, password files and certificates refused.",
             std::to_string(state.failures + context.tls.state().failures));
  add_tls_metrics(out, context);
  const auto index = context.keeper.status();
  add_metric(out, "layergate_index_complete", "gauge",
             "1 if all of the registry is known; what is not is learned when it is asked for.",
             index.complete ? "1" : "0");
  add_metric(out, "layergate_index_repositories_to_learn", "gauge",
             "Repositories of the registry that are still to be learned.",
             std::to_string(index.repositories_to_learn));
  add_metric(out, "layergate_index_unresolved", "gauge",
             "Changes of which it is not known whether the registry made them.",
             std::to_string(index.unresolved));
  add_metric(out, "layergate_index_disk_failed", "gauge",
             "1 if the index cannot be written: nothing can be pushed or deleted.",
             index.problem.empty() ? "0" : "1");
  const auto records = context.recorder.status();
  add_metric(out, "layergate_records_written_total", "counter", "Rows of the access records.",
             std::to_string(records.written));
  add_metric(out, "layergate_records_lost_total", "counter",
             "Requests that are missing there: more than could be written.",
             std::to_string(records.lost));
  add_metric(out, "layergate_records_waiting", "gauge", "Rows that are still to be written.",
             std::to_string(records.waiting));
  add_metric(out, "layergate_records_failed", "gauge", "1 if they cannot be written.",
             records.problem.empty() ? "0" : "1");
  const auto manifests = context.manifests.stats();
  add_metric(out, "layergate_manifest_cache_hits_total", "counter",
             "Manifests that were answered from memory.", std::to_string(manifests.hits));
  add_metric(out, "layergate_manifest_cache_misses_total", "counter",
             "Manifests that were not there.", std::to_string(manifests.misses));
  add_metric(out, "layergate_manifest_cache_bytes", "gauge",
             "Memory that the manifests take, of cache.manifests.",
             std::to_string(manifests.bytes));
  const auto auth = context.authenticator.counters();
  add_metric(out, "layergate_auth_remembered_total", "counter", "Credentials answered from memory.",
             std::to_string(auth.remembered));
  add_metric(out, "layergate_auth_hashed_total", "counter", "Passwords hashed.",
             std::to_string(auth.hashed));
  add_metric(out, "layergate_auth_rejected_total", "counter", "Wrong credentials.",
             std::to_string(auth.rejected));
  add_metric(out, "layergate_auth_throttled_total", "counter",
             "Logins refused after too many failures.", std::to_string(auth.throttled));
  add_metric(out, "layergate_auth_overloaded_total", "counter",
             "Logins refused because too many waited.", std::to_string(auth.overloaded));
  add_metric(out, "layergate_auth_queued", "gauge", "Logins that wait for a hash.",
             std::to_string(auth.queued));
  if (context.storage != nullptr) out += context.storage->metrics_text();
  if (context.uploads != nullptr) out += context.uploads->metrics_text();
  return out;
}

std::string status_page(const proxy::Server& server, const std::string& upstream) {
  const auto& config = server.context().config;
  const auto ready = readiness(server, upstream);
  std::string listening;
  for (const auto& listen : config.listen) {
    listening += (listening.empty() ? "" : ", ") + listen.address.to_string() +
                 (listen.tls.empty() ? "" : " (TLS)");
  }
  return R"(<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Layergate</title>
<style>
body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:3rem auto;padding:0 1rem;color:#1d2433}
h1{font-size:1.6rem;margin:0}dt{font-weight:600;margin-top:.8rem}dd{margin:0}
pre{background:#f2f4f8;padding:1rem;overflow:auto;border-radius:6px}code{font-size:.95em}
.state{display:inline-block;padding:.1rem .6rem;border-radius:1rem;color:#fff;background:)" +
         std::string(ready.ready ? "#1a7f4b" : "#b3261e") + R"(}
</style>
<h1>Layergate</h1>
<p>The door in front of this Docker registry. <span class="state">)" +
         (ready.ready ? "ready" : "not ready") + R"(</span></p>
<dl>
<dt>Registry for docker</dt><dd><code>)" +
         escaped(listening) + R"(</code></dd>
<dt>Stands in front of</dt><dd><code>)" +
         escaped(config.upstream.url) + R"(</code></dd>
<dt>Configuration</dt><dd><code>)" +
         escaped(config.dir.string()) + R"(</code></dd>
<dt>For machines</dt><dd><a href="/healthz">/healthz</a>, <a href="/readyz">/readyz</a>, <a href="/metrics">/metrics</a></dd>
<dt>Documents</dt><dd><code>README.md</code> and <code>docs/</code> in the source: <code>docs/policy.md</code> on who may do what, <code>docs/troubleshooting.md</code> when something fails</dd>
</dl>
<pre>)" + escaped(ready.json) +
         "</pre>\n</html>\n";
}

}  // namespace layergate::admin
