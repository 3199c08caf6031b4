#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <iostream>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include "admin/admin_server.h"
#include "api/recording.h"
#include "cli/load_config.h"
#include "proxy/open_files.h"
#include "proxy/server.h"

namespace layergate::cli {
namespace {

// Blocked before any thread starts, so that only run() takes them.
sigset_t block_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return set;
}

// The next of the signals, or 0 after a second.
int next_signal(const sigset_t& set) {
  const timespec second{1, 0};
  const int signal = sigtimedwait(&set, nullptr, &second);
  return signal > 0 ? signal : 0;
}

// Until the server is there a signal to end does so at once: a policy of a million rules is a
// minute in reading, and whatever is on disk by then is as good as after a kill.
class EndWhileLoading {
 public:
  EndWhileLoading() : thread_([](const std::stop_token& loaded) { wait(loaded); }) {}

 private:
  static void wait(const std::stop_token& loaded) {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT}) sigaddset(&set, signal);
    const timespec moment{0, 20'000'000};
    while (!loaded.stop_requested()) {
      if (sigtimedwait(&set, nullptr, &moment) < 0) continue;
      spdlog::info("ended while loading");
      std::_Exit(0);
    }
  }

  std::jthread thread_;
};

void drain(proxy::Server& server, const sigset_t& signals, std::chrono::milliseconds patience) {
  spdlog::info("ending: no new clients; transfers have {} s", patience.count() / 1000);
  server.begin_drain();
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!server.drained() && std::chrono::steady_clock::now() < end) {
    const timespec moment{0, 50'000'000};
    const int signal = sigtimedwait(&signals, nullptr, &moment);
    if (signal == SIGTERM || signal == SIGINT) {
      spdlog::warn("told twice: ending at once");
      return;
    }
  }
  if (!server.drained()) spdlog::warn("some transfers did not end in time and are cut off");
}

// As many descriptors as this process may have, and no more clients than they are enough for: one
// that is refused is better than one that is let in and cannot be served.
void fit_connections(config::Limits& limits) {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  ::getrlimit(RLIMIT_NOFILE, &files);
  const auto most = proxy::OpenFiles::clients(files.rlim_cur);
  if (static_cast<std::size_t>(limits.connections) <= most) return;
  spdlog::warn(
      "limits.connections is {}, but {} open files are enough for {}: raise the limit of "
      "open files (ulimit -n, LimitNOFILE=)",
      limits.connections, files.rlim_cur, most);
  limits.connections = static_cast<int>(most);
}

// What the management API works on: what is in force here.
api::Site site_of(const proxy::Server& server) {
  const auto& context = server.context();
  return {context.config, [&policies = context.policies] { return policies.current(); },
          &context.index, api::record_with(context.recorder)};
}

int serve(const Globals& globals) {
  auto logger = spdlog::stderr_color_mt("layergate");
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v");
  spdlog::set_default_logger(std::move(logger));

  // Passwords of requests are in memory. 1 and not 0: at 0 the kernel still hands a core to the
  // program of a core_pattern that begins with "|" (Linux, fs/coredump.c).
  const rlimit no_core{1, 1};
  ::setrlimit(RLIMIT_CORE, &no_core);
  // Records and keys are for this user and its group.
  ::umask(S_IWGRP | S_IRWXO);
  const auto signals = block_signals();
  std::optional<EndWhileLoading> loading(std::in_place);
  auto config = load_config(globals);
  if (!config) return 3;
  fit_connections(config->limits);
  const auto patience = config->limits.drain;
  std::optional<proxy::Server> server;
  std::optional<admin::AdminServer> admin;
  try {
    server.emplace(*std::move(config));
    admin.emplace(*server, site_of(*server));
  } catch (const proxy::Server::NotValid& error) {
    spdlog::critical("{}", error.what());
    return 3;
  } catch (const std::exception& error) {
    spdlog::critical("{}", error.what());
    return 4;
  }
  loading.reset();
  server->start();
  admin->start();
  const auto& running = server->context().config;
  for (const auto& listen : running.listen) {
    spdlog::info("registry API on {}{}", listen.address.to_string(),
                 listen.tls.empty() ? "" : " (TLS)");
  }
  spdlog::info("admin port on {}; in front of {}", running.admin.address.to_string(),
               running.upstream.url);

  while (true) {
    const int signal = next_signal(signals);
    server->tick();
    if (signal == SIGHUP) server->reload();
    if (signal == SIGTERM || signal == SIGINT) break;
  }
  drain(*server, signals, patience);
  admin.reset();
  server.reset();  // writes out the records that are queued
  spdlog::info("ended");
  return 0;
}

}  // namespace

void add_serve(CLI::App& app, const Globals& globals, int& exit_code) {
  auto* verb = app.add_subcommand(
      "serve", "Run the proxy in the foreground (SIGHUP reloads, SIGTERM drains)");
  verb->callback([&] { exit_code = serve(globals); });
}

}  // namespace layergate::cli
