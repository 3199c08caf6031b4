#include "proxy/worker.h"

#include <array>
#include <charconv>
#include <random>
#include <stdexcept>
#include <utility>

#include "proxy/client_connection.h"

namespace layergate::proxy {
namespace {

// Twice that, for a piece and its records, stays in a core's second cache.
constexpr std::size_t kScratch = 128U << 10U;

event_base* make_base() {
  // Not EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST: it tells the kernel of a closed descriptor when the
  // number may be another worker's already.
  event_base* base = event_base_new();
  if (base == nullptr) throw std::runtime_error("libevent has no event loop for this machine");
  return base;
}

std::uint64_t random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32U) | device();
}

}  // namespace

Worker::Worker(const Context& context, std::vector<Fd> listening)
    : context_(context),
      base_(make_base()),
      scratch_(kScratch),
      pipes_(context.pipes),
      upstream_(base_.get(), context.resolver, context.tls, tls_blocks_),
      trace_seed_(random_seed()) {
  wake_event_.reset(event_new(base_.get(), tasks_.fd(), EV_READ | EV_PERSIST, on_posted, this));
  event_add(wake_event_.get(), nullptr);
  tick_event_.reset(event_new(base_.get(), -1, EV_PERSIST, on_tick, this));
  const timeval second{1, 0};
  event_add(tick_event_.get(), &second);
  for (std::size_t i = 0; i < listening.size(); ++i) {
    listeners_.push_back(
        std::make_unique<Listener>(*this, std::move(listening[i]), context.config.listen[i]));
  }
}

Worker::~Worker() {
  stop();
  retired_.clear();  // an exchange refers to its client
  clients_.clear();
}

void Worker::start() {
  thread_ = std::thread([this] { event_base_loop(base_.get(), EVLOOP_NO_EXIT_ON_EMPTY); });
}

void Worker::stop() {
  if (!thread_.joinable()) return;
  post([this] {
    // Their records say so.
    for (auto* client : clients()) client->abort("proxy ended");
    event_base_loopbreak(base_.get());
  });
  thread_.join();
}

void Worker::begin_drain() {
  post([this] {
    draining_ = true;
    for (const auto& listener : listeners_) listener->accept_all();
    listeners_.clear();
    for (auto* client : clients()) client->begin_drain();
  });
}

void Worker::on_posted(evutil_socket_t /*fd*/, short what, void* self) {
  auto& worker = *static_cast<Worker*>(self);
  if ((what & EV_READ) != 0) {
    for (const auto& task : worker.tasks_.take()) task();
  }
  worker.run_deferred();
}

void Worker::run_deferred() {
  const auto tasks = std::exchange(deferred_, {});
  for (const auto& task : tasks) task();
  // Whatever was retired by now is no longer on the stack.
  const auto gone = std::exchange(retired_, {});
}

void Worker::retire(std::unique_ptr<Retired> object) {
  retired_.push_back(std::move(object));
  wake_for_deferred();
}

void Worker::defer(std::function<void()> task) {
  deferred_.push_back(std::move(task));
  wake_for_deferred();
}

// Not as readable: the queue of other threads would be asked in vain, at each request.
void Worker::wake_for_deferred() { event_active(wake_event_.get(), EV_WRITE, 0); }

std::string Worker::next_trace() {
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(),
                                 trace_seed_ + ++traces_ * 0x9e3779b97f4a7c15ULL, 16)
                       .ptr;
  const auto count = static_cast<std::size_t>(end - digits.data());
  return std::string(digits.size() - count, '0').append(digits.data(), count);
}

void Worker::accept(Fd fd, const IpAddress& peer, const config::Listen& listen) {
  auto& metrics = context_.metrics;
  if (metrics.connections.load() >= context_.config.limits.connections) {
    ++metrics.connections_refused;
    return;
  }
  // A front end's connections are those of all its clients.
  const bool is_front = contains(listen.trusted_proxies, peer);
  if (!is_front && !context_.strangers.enter(peer)) {
    ++metrics.connections_refused;
    return;
  }
  ++metrics.connections;
  ++metrics.connections_opened;
  auto& target = least_loaded();
  ++target.clients_open_;  // before it is there: whoever looks next counts it, as drained() does
  if (&target == this) return open(std::move(fd), peer, listen, is_front);
  target.post([&target, peer, &listen, is_front, shared = std::make_shared<Fd>(std::move(fd))] {
    target.open(std::move(*shared), peer, listen, is_front);
  });
}

// A hand-over costs a wake-up, and among many clients chance does nearly as well.
Worker& Worker::least_loaded() {
  const auto own = clients_open_.load();
  if (draining_ || own == 0) return *this;
  Worker* found = this;
  auto least = own - own / 8;
  for (auto* peer : peers_) {
    if (const auto count = peer->clients_open_.load(); count < least) {
      found = peer;
      least = count;
    }
  }
  return *found;
}

void Worker::open(Fd fd, const IpAddress& peer, const config::Listen& listen, bool is_front) {
  const auto id = next_id_++;
  auto& client = *(clients_[id] = std::make_unique<ClientConnection>(*this, id, std::move(fd), peer,
                                                                     listen, !is_front));
  // It was on its way here when the end was announced.
  if (draining_ && listeners_.empty()) client.begin_drain();
}

ClientConnection* Worker::find(std::uint64_t id) {
  const auto found = clients_.find(id);
  return found == clients_.end() ? nullptr : found->second.get();
}

std::vector<ClientConnection*> Worker::clients() const {
  std::vector<ClientConnection*> all;
  all.reserve(clients_.size());
  for (const auto& [id, client] : clients_) all.push_back(client.get());
  return all;
}

void Worker::remove(std::uint64_t id) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) return;
  retire(std::move(found->second));
  clients_.erase(found);
  --clients_open_;
  --context_.metrics.connections;
}

void Worker::on_tick(evutil_socket_t /*fd*/, short /*what*/, void* self) {
  static_cast<Worker*>(self)->tick();
}

void Worker::tick() {
  for (const auto& listener : listeners_) listener->resume();
  const auto now = Clock::now();
  for (auto* client : clients()) client->tick(now);
}

}  // namespace layergate::proxy
