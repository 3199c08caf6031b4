// Ways to move bodies from one TCP socket to another, side by side (docs/decisions/0014-relay.md).
//
//   g++ -std=c++20 -O2 -Wall -Wextra relay_ways.cpp -o relay_ways -luring -lpthread
//   ./relay_ways CONNECTIONS [MIB [ROUNDS [write|sendfile|stall [REGEX]]]]
//
// A source process plays the registry, a sink process the client, a third relays MIB in all with
// one thread; all on loopback. Each round runs every way once (REGEX: the present way and those
// that match), starting with another one. Before the first round each way's bytes are compared with
// what was sent. `write` is what docker-registry 2.8.2 does: read 4 MiB (of 64 connections 1 MiB),
// write 32 KiB at a time. `stall` has the sink read nothing for 6 s and tells how much was taken
// from the source meanwhile: without back pressure it does not end.
//
// Four figures of CPU, s/GiB: the relay's thread; its process (with the kernel's helper threads of
// io_uring); source, relay and sink together; the whole machine (with kworkers, and with whatever
// else runs: let it be idle). Work on loopback packets is charged to whoever runs at the moment, so
// that a way can look cheap by pushing work onto its neighbours: the last two columns show that.
#include <fcntl.h>
#include <liburing.h>
#include <linux/bpf.h>
#include <linux/errqueue.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <regex>
#include <string>
#include <vector>

namespace {

constexpr std::size_t K = 1024, M = 1024 * K;
constexpr std::size_t kFile = 16 * M;  // the source's file, sent over and over
constexpr std::size_t kTurn = 4 * M;   // as in proxy/relay.h

template <class T>
T must(T value, const char* what) {
  if (value < 0) {
    std::perror(what);
    std::_Exit(1);
  }
  return value;
}

// --- What is relayed, and how.

enum class Kind {
  splice,
  copy,
  zerocopy,
  ring_splice,
  ring_copy,
  ring_fixed,
  ring_zerocopy,
  sockmap
};

struct Way {
  const char* name;
  Kind kind;
  std::size_t size = M;       // of the pipe or the buffer
  std::size_t low_water = 0;  // SO_RCVLOWAT of the source
  std::size_t length = 0;     // asked of one splice; 0: the pipe's size
  const char* congestion = nullptr;
  int send_buffer = 0, receive_buffer = 0, unsent = 0;
  unsigned ring_flags = 0;
};

constexpr unsigned kDefer = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
constexpr std::size_t kPresent =
    0;  // the way of proxy/relay.cpp, which the others are compared with
const std::vector<Way> kWays = {
    {"splice 1M, low water 512K (present)", Kind::splice, M, 512 * K},
    {"read/write 256K", Kind::copy, 256 * K},
    {"read/write 256K, low water 256K", Kind::copy, 256 * K, 256 * K},
    {"splice 64K", Kind::splice, 64 * K},
    {"splice 1M", Kind::splice, M},
    {"splice 1M, low water 256K", Kind::splice, M, 256 * K},
    {"splice 1M, low water 1M", Kind::splice, M, M},
    {"present, splice length 8M", Kind::splice, M, 512 * K, 8 * M},
    {"splice 1M, low water 1M, length 8M", Kind::splice, M, M, 8 * M},
    {"present, 256K pipe", Kind::splice, 256 * K, 512 * K},
    {"present, cubic", Kind::splice, M, 512 * K, 0, "cubic"},
    {"present, SO_SNDBUF 1M", Kind::splice, M, 512 * K, 0, nullptr, M / 2},
    {"present, SO_SNDBUF 4M", Kind::splice, M, 512 * K, 0, nullptr, 2 * M},
    {"present, SO_RCVBUF 2M", Kind::splice, M, 512 * K, 0, nullptr, 0, M},
    {"present, SO_RCVBUF 8M", Kind::splice, M, 512 * K, 0, nullptr, 0, 4 * M},
    {"present, TCP_NOTSENT_LOWAT 512K", Kind::splice, M, 512 * K, 0, nullptr, 0, 0, 512 * K},
    {"MSG_ZEROCOPY 256K, low water 256K", Kind::zerocopy, 256 * K, 256 * K},
    {"io_uring splice, low water 512K", Kind::ring_splice, M, 512 * K},
    {"io_uring splice, the same, defer", Kind::ring_splice, M, 512 * K, 0, nullptr, 0, 0, 0,
     kDefer},
    {"io_uring recv/send 256K", Kind::ring_copy, 256 * K},
    {"io_uring recv/send 256K, defer", Kind::ring_copy, 256 * K, 0, 0, nullptr, 0, 0, 0, kDefer},
    {"io_uring fixed 256K, defer", Kind::ring_fixed, 256 * K, 256 * K, 0, nullptr, 0, 0, 0, kDefer},
    {"io_uring send_zc 256K, defer", Kind::ring_zerocopy, 256 * K, 256 * K, 0, nullptr, 0, 0, 0,
     kDefer},
    {"sockhash redirect", Kind::sockmap},
};

constexpr std::chrono::seconds kLongest{100};  // no round is begun that would end later
constexpr std::size_t kBuffers = 4;  // of a connection, where the kernel keeps them for a while

struct Link {
  int source = -1, sink = -1;
  std::uint64_t unread = 0, unsent = 0;  // of the body
  int pipe_in = -1, pipe_out = -1;
  std::vector<char> memory;
  std::size_t held = 0, offset = 0;  // in the pipe or buffer
  std::size_t low_water = 1;
  bool waits_for_sink = false;
  // Zero copy: which buffer comes next, and until which notice each is the kernel's.
  std::size_t current = 0;
  std::uint32_t sends = 0, noticed = 0, busy_until[kBuffers] = {};
  char* buffer(std::size_t size) { return memory.data() + current * size; }
};

void set_low_water(Link& link, std::size_t bytes) {
  if (link.low_water == bytes) return;
  link.low_water = bytes;
  const int value = static_cast<int>(bytes);
  ::setsockopt(link.source, SOL_SOCKET, SO_RCVLOWAT, &value, sizeof value);
}

void adjust_low_water(Link& link, const Way& way) {  // never more than what is still to come
  if (way.low_water == 0) return;
  set_low_water(link,
                link.unread < 256 * K ? 1 : std::min<std::uint64_t>(link.unread, way.low_water));
}

// --- Ways that wait for readiness.

enum class Step { done, again_source, again_sink, more };

ssize_t take(Link& link, const Way& way) {
  if (way.kind == Kind::splice) {
    const auto most = std::min<std::uint64_t>(link.unread, way.length ? way.length : way.size);
    return ::splice(link.source, nullptr, link.pipe_in, nullptr, most,
                    SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  }
  link.offset = 0;
  return ::recv(link.source, link.buffer(way.size), std::min<std::uint64_t>(link.unread, way.size),
                0);
}

ssize_t give(Link& link, const Way& way) {
  if (way.kind == Kind::splice) {
    return ::splice(link.pipe_out, nullptr, link.sink, nullptr, link.held,
                    SPLICE_F_MOVE | SPLICE_F_NONBLOCK | (link.unread > 0 ? SPLICE_F_MORE : 0));
  }
  const auto bytes = ::send(link.sink, link.buffer(way.size) + link.offset, link.held,
                            way.kind == Kind::zerocopy ? MSG_ZEROCOPY : 0);
  if (bytes <= 0) return bytes;
  link.offset += static_cast<std::size_t>(bytes);
  if (way.kind == Kind::zerocopy) link.busy_until[link.current] = ++link.sends;
  return bytes;
}

// Notices come in order on TCP. Whether the next buffer is ours again.
bool next_buffer_free(Link& link) {
  const auto next = (link.current + 1) % kBuffers;
  while (static_cast<std::int32_t>(link.busy_until[next] - link.noticed) > 0) {
    char control[128];
    msghdr message{};
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    if (::recvmsg(link.sink, &message, MSG_ERRQUEUE) < 0) return false;
    sock_extended_err error;
    std::memcpy(&error, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof error);
    if (error.ee_origin == SO_EE_ORIGIN_ZEROCOPY) link.noticed = error.ee_data + 1;
  }
  link.current = next;
  return true;
}

Step step(Link& link, const Way& way) {
  for (std::size_t moved = 0;;) {
    while (link.held > 0) {
      const auto bytes = give(link, way);
      if (bytes < 0 && errno == EAGAIN) return Step::again_sink;
      link.held -= static_cast<std::size_t>(must(bytes, "to the sink"));
      link.unsent -= static_cast<std::uint64_t>(bytes);
    }
    if (link.unsent == 0) return Step::done;
    if (moved >= kTurn) {
      set_low_water(link, 1);
      return Step::more;
    }
    if (way.kind == Kind::zerocopy && !next_buffer_free(link)) return Step::again_sink;
    const auto bytes = take(link, way);
    if (bytes < 0 && errno == EAGAIN) {
      adjust_low_water(link, way);
      return Step::again_source;
    }
    if (must(bytes, "from the source") == 0) std::_Exit(1);
    link.held = static_cast<std::size_t>(bytes);
    link.unread -= link.held;
    moved += link.held;
  }
}

void relay_when_ready(std::vector<Link>& links, const Way& way) {
  const int poll = must(::epoll_create1(0), "epoll");
  const auto watch = [&](int operation, std::size_t i, int fd, unsigned events) {
    epoll_event event{events, {.u64 = i}};
    must(::epoll_ctl(poll, operation, fd, &event), "epoll_ctl");
  };
  for (std::size_t i = 0; i < links.size(); ++i) {
    watch(EPOLL_CTL_ADD, i, links[i].source, EPOLLIN);
    watch(EPOLL_CTL_ADD, i, links[i].sink, 0);  // EPOLLERR tells of zero copy's notices
  }
  std::vector<epoll_event> events(2 * links.size());
  for (auto open = links.size(); open > 0;) {
    const int count = ::epoll_wait(poll, events.data(), static_cast<int>(events.size()), -1);
    for (int e = 0; e < count; ++e) {
      const auto i = events[e].data.u64;
      auto& link = links[i];
      if (link.unsent == 0) {
        next_buffer_free(link);  // empties the queue of notices, or EPOLLERR would not end
        continue;
      }
      const auto result = step(link, way);
      if (result == Step::done) {
        --open;
        watch(EPOLL_CTL_DEL, i, link.source, 0);
        watch(EPOLL_CTL_MOD, i, link.sink, 0);
      } else if (link.waits_for_sink != (result == Step::again_sink)) {
        link.waits_for_sink = !link.waits_for_sink;
        // A lack of free buffers ends with EPOLLERR, not with room in the socket.
        watch(EPOLL_CTL_MOD, i, link.sink, link.waits_for_sink && link.held > 0 ? EPOLLOUT : 0U);
        watch(EPOLL_CTL_MOD, i, link.source, link.waits_for_sink ? 0U : EPOLLIN);
      }
    }
  }
  ::close(poll);
}

// --- io_uring. A connection has one chain of requests at a time.

enum Tag : std::uint64_t { taken, given };

io_uring_sqe* request(io_uring& ring, std::size_t i, Tag tag) {
  auto* sqe = ::io_uring_get_sqe(&ring);
  sqe->user_data = i << 1U | tag;
  return sqe;
}

void ask_to_give(io_uring& ring, Link& link, std::size_t i, const Way& way, std::size_t bytes) {
  auto* const from = link.buffer(way.size) + link.offset;
  const auto number = static_cast<int>(i * kBuffers + link.current);
  auto* const sqe = request(ring, i, given);
  switch (way.kind) {
    case Kind::ring_splice:
      ::io_uring_prep_splice(sqe, link.pipe_out, -1, link.sink, -1, static_cast<unsigned>(bytes),
                             SPLICE_F_MOVE | (link.unread > bytes ? SPLICE_F_MORE : 0));
      break;
    case Kind::ring_copy:
      ::io_uring_prep_send(sqe, link.sink, from, bytes, MSG_WAITALL);
      break;
    case Kind::ring_fixed:
      ::io_uring_prep_write_fixed(sqe, link.sink, from, static_cast<unsigned>(bytes), 0, number);
      break;
    default:
      ::io_uring_prep_send_zc_fixed(sqe, link.sink, from, bytes, MSG_WAITALL, 0,
                                    static_cast<unsigned>(number));
      ++link.busy_until[link.current];
  }
  sqe->user_data = i << 1U | given | static_cast<std::uint64_t>(link.current) << 32U;
}

void ask_to_take(io_uring& ring, Link& link, std::size_t i, const Way& way) {
  adjust_low_water(link, way);
  link.offset = 0;
  const auto most = std::min<std::uint64_t>(link.unread, way.size);
  auto* const sqe = request(ring, i, taken);
  if (way.kind == Kind::ring_splice) {
    ::io_uring_prep_splice(sqe, link.source, -1, link.pipe_in, -1, static_cast<unsigned>(most),
                           SPLICE_F_MOVE);
    sqe->flags |= IOSQE_IO_HARDLINK;  // fewer bytes than asked for would break an ordinary chain
  } else if (way.kind == Kind::ring_copy) {
    ::io_uring_prep_recv(sqe, link.source, link.buffer(way.size), most, MSG_WAITALL);
    sqe->flags |=
        IOSQE_IO_LINK;  // no low water: with MSG_WAITALL the rest of a part never wakes it
  } else {
    ::io_uring_prep_read_fixed(sqe, link.source, link.buffer(way.size), static_cast<unsigned>(most),
                               0, static_cast<int>(i * kBuffers + link.current));
    return;
  }
  ask_to_give(ring, link, i, way, most);
}

void relay_by_ring(std::vector<Link>& links, const Way& way, io_uring& ring) {
  for (std::size_t i = 0; i < links.size(); ++i) ask_to_take(ring, links[i], i, way);
  const bool chained = way.kind == Kind::ring_splice || way.kind == Kind::ring_copy;
  std::size_t notices = 0;  // still to come
  for (auto open = links.size(); open > 0 || notices > 0;) {
    must(::io_uring_submit_and_wait(&ring, 1), "io_uring");
    io_uring_cqe* cqe = nullptr;
    unsigned head = 0, seen = 0;
    io_uring_for_each_cqe(&ring, head, cqe) {
      ++seen;
      const std::size_t i = (cqe->user_data & 0xffffffffU) >> 1U;
      auto& link = links[i];
      if ((cqe->flags & IORING_CQE_F_NOTIF) != 0) {  // the kernel is done with a buffer
        --notices;
        const auto buffer = cqe->user_data >> 32U;
        --link.busy_until[buffer];
        if (link.held == 0 && link.unsent > 0 && link.waits_for_sink && buffer == link.current) {
          link.waits_for_sink = false;
          ask_to_take(ring, link, i, way);
        }
        continue;
      }
      errno = -cqe->res;
      const auto bytes = static_cast<std::size_t>(must(cqe->res, "a request of io_uring"));
      if ((cqe->user_data & 1U) == taken) {
        if (bytes == 0) std::_Exit(1);
        link.held += bytes;
        link.unread -= bytes;
        if (!chained) ask_to_give(ring, link, i, way, link.held);
        continue;
      }
      if ((cqe->flags & IORING_CQE_F_MORE) != 0) ++notices;
      link.held -= bytes;
      link.offset += bytes;
      link.unsent -= bytes;
      if (link.held > 0) {
        ask_to_give(ring, link, i, way, link.held);
      } else if (link.unsent == 0) {
        --open;
      } else {
        if (way.kind == Kind::ring_zerocopy) link.current = (link.current + 1) % kBuffers;
        link.waits_for_sink = link.busy_until[link.current] > 0 && way.kind == Kind::ring_zerocopy;
        if (!link.waits_for_sink) ask_to_take(ring, link, i, way);
      }
    }
    ::io_uring_cq_advance(&ring, seen);
  }
}

void make_ring(io_uring& ring, std::vector<Link>& links, const Way& way) {
  errno = -::io_uring_queue_init(1024, &ring, way.ring_flags);
  must(-errno, "io_uring_queue_init");
  if (way.kind != Kind::ring_fixed && way.kind != Kind::ring_zerocopy) return;
  std::vector<iovec> buffers;
  for (auto& link : links) {
    for (std::size_t b = 0; b < kBuffers; ++b)
      buffers.push_back({link.memory.data() + b * way.size, way.size});
  }
  errno =
      -::io_uring_register_buffers(&ring, buffers.data(), static_cast<unsigned>(buffers.size()));
  must(-errno, "io_uring_register_buffers");
}

// --- BPF: the kernel hands each packet of a source to its sink; this thread only waits for the
// end.

int bpf(int command, bpf_attr attr) {
  return static_cast<int>(must(::syscall(SYS_bpf, command, &attr, sizeof attr), "bpf"));
}

void join_by_bpf(std::vector<Link>& links) {
  const auto count = static_cast<std::uint32_t>(links.size());
  const auto make_map = [&](std::uint32_t type) {
    bpf_attr attr{};
    attr.map_type = type;
    attr.key_size = attr.value_size = 4;
    attr.max_entries = 2 * count;
    return bpf(BPF_MAP_CREATE, attr);
  };
  const auto put = [](int map, std::uint32_t key, int fd) {
    bpf_attr attr{};
    attr.map_fd = static_cast<std::uint32_t>(map);
    attr.key = reinterpret_cast<std::uint64_t>(&key);
    attr.value = reinterpret_cast<std::uint64_t>(&fd);
    bpf(BPF_MAP_UPDATE_ELEM, attr);
  };
  const int sources = make_map(BPF_MAP_TYPE_SOCKMAP);
  const int sinks = make_map(BPF_MAP_TYPE_SOCKHASH);  // by the local port of the source's socket
  const bpf_insn program[] = {
      {BPF_LDX | BPF_MEM | BPF_W, 2, 1, offsetof(__sk_buff, local_port),
       0},                                                          // r2 = skb->local_port
      {BPF_STX | BPF_MEM | BPF_W, 10, 2, -4, 0},                    // key on the stack
      {BPF_LD | BPF_DW | BPF_IMM, 2, BPF_PSEUDO_MAP_FD, 0, sinks},  // r2 = map
      {},
      {BPF_ALU64 | BPF_MOV | BPF_X, 3, 10, 0, 0},  // r3 = &key
      {BPF_ALU64 | BPF_ADD | BPF_K, 3, 0, 0, -4},
      {BPF_ALU64 | BPF_MOV | BPF_K, 4, 0, 0, 0},  // out of the sink, not into it
      {BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_sk_redirect_hash},
      {BPF_JMP | BPF_EXIT, 0, 0, 0, 0},
  };
  bpf_attr load{};
  load.prog_type = BPF_PROG_TYPE_SK_SKB;
  load.expected_attach_type = BPF_SK_SKB_VERDICT;
  load.insns = reinterpret_cast<std::uint64_t>(program);
  load.insn_cnt = std::size(program);
  load.license = reinterpret_cast<std::uint64_t>("GPL");
  bpf_attr attach{};
  attach.target_fd = static_cast<std::uint32_t>(sources);
  attach.attach_bpf_fd = static_cast<std::uint32_t>(bpf(BPF_PROG_LOAD, load));
  attach.attach_type = BPF_SK_SKB_VERDICT;
  bpf(BPF_PROG_ATTACH, attach);
  for (std::uint32_t i = 0; i < count; ++i) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(links[i].source, reinterpret_cast<sockaddr*>(&address), &size);
    put(sinks, ntohs(address.sin_port), links[i].sink);
    put(sources, i, links[i].source);
  }
}

void wait_for_bpf(std::vector<Link>& links) {
  for (auto& link : links) {  // nothing tells that the last byte went out: look every 2 ms
    for (tcp_info info{}; info.tcpi_bytes_acked < link.unsent; ::usleep(2000)) {
      socklen_t size = sizeof info;
      must(::getsockopt(link.sink, IPPROTO_TCP, TCP_INFO, &info, &size), "TCP_INFO");
    }
  }
}

// --- The three processes.

struct Shared {
  pthread_barrier_t start;
  std::atomic<std::uint64_t> sent;  // by the source
  double relay_thread, cpu[3];      // seconds; of source, relay and sink
  double machine[2];                // its CPU seconds at the start and when the last byte has come
  std::chrono::steady_clock::time_point begin, end;
  bool wrong;
};

double cpu_of(int who) {
  rusage usage{};
  ::getrusage(who, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

double cpu_of_machine() {
  std::FILE* const file = std::fopen("/proc/stat", "r");
  double user, nice, system, idle, wait, irq, soft;
  if (std::fscanf(file, "cpu %lf %lf %lf %lf %lf %lf %lf", &user, &nice, &system, &idle, &wait,
                  &irq, &soft) != 7)
    std::_Exit(1);
  std::fclose(file);
  return (user + nice + system + irq + soft) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

void play_source(const std::vector<int>& sockets, std::uint64_t each, int file, bool by_sendfile,
                 Shared& shared) {
  struct Body {
    std::vector<char> block;
    std::uint64_t sent = 0;
  };
  std::vector<Body> bodies(sockets.size());
  for (auto& body : bodies) body.block.resize(std::min(4 * M, 64 * M / sockets.size()));
  const int poll = must(::epoll_create1(0), "epoll");
  for (std::size_t i = 0; i < sockets.size(); ++i) {
    epoll_event event{EPOLLOUT, {.u64 = i}};
    ::epoll_ctl(poll, EPOLL_CTL_ADD, sockets[i], &event);
  }
  ::pthread_barrier_wait(&shared.start);
  shared.machine[0] = cpu_of_machine();
  shared.begin = std::chrono::steady_clock::now();
  const auto before = cpu_of(RUSAGE_SELF);
  std::vector<epoll_event> events(sockets.size());
  for (auto open = sockets.size(); open > 0;) {
    const int count = ::epoll_wait(poll, events.data(), static_cast<int>(events.size()), -1);
    for (int e = 0; e < count; ++e) {
      const auto i = events[e].data.u64;
      auto& body = bodies[i];
      while (body.sent < each) {
        auto at = static_cast<off_t>(body.sent % kFile);
        const auto in_block = body.sent % body.block.size();
        ssize_t bytes = 0;
        if (by_sendfile) {
          bytes = ::sendfile(sockets[i], file, &at,
                             std::min<std::uint64_t>(each - body.sent, kFile - at));
        } else {
          if (in_block == 0 && body.sent % (32 * K) == 0)
            must(::pread(file, body.block.data(), body.block.size(), at), "pread");
          const auto piece = 32 * K - body.sent % (32 * K);
          bytes = ::send(sockets[i], &body.block[in_block],
                         std::min<std::uint64_t>(piece, each - body.sent), 0);
        }
        if (bytes < 0 && errno == EAGAIN) break;
        body.sent += static_cast<std::uint64_t>(must(bytes, "source"));
        shared.sent.fetch_add(static_cast<std::uint64_t>(bytes), std::memory_order_relaxed);
      }
      if (body.sent < each) continue;
      ::epoll_ctl(poll, EPOLL_CTL_DEL, sockets[i], nullptr);
      --open;
    }
  }
  shared.cpu[0] = cpu_of(RUSAGE_SELF) - before;
}

void play_sink(const std::vector<int>& sockets, std::uint64_t each, const char* expected,
               bool stall, Shared& shared) {
  const int poll = must(::epoll_create1(0), "epoll");
  for (std::size_t i = 0; i < sockets.size(); ++i) {
    epoll_event event{EPOLLIN, {.u64 = i}};
    ::epoll_ctl(poll, EPOLL_CTL_ADD, sockets[i], &event);
  }
  std::vector<std::uint64_t> received(sockets.size());
  std::vector<char> buffer(64 * K);
  std::vector<epoll_event> events(sockets.size());
  ::pthread_barrier_wait(&shared.start);
  const auto before = cpu_of(RUSAGE_SELF);
  if (stall) ::sleep(6);
  for (auto open = sockets.size(); open > 0;) {
    const int count = ::epoll_wait(poll, events.data(), static_cast<int>(events.size()), -1);
    for (int e = 0; e < count; ++e) {
      const auto i = events[e].data.u64;
      // Up to the end of the file, so that what comes can be compared at once.
      const auto most = std::min<std::uint64_t>(buffer.size(), kFile - received[i] % kFile);
      const auto bytes = must(::recv(sockets[i], buffer.data(), most, 0), "sink");
      if (expected && std::memcmp(buffer.data(), expected + received[i] % kFile, bytes) != 0)
        shared.wrong = true;
      received[i] += static_cast<std::uint64_t>(bytes);
      if (bytes == 0 || received[i] > each) shared.wrong = true;
      if (bytes > 0 && received[i] < each) continue;
      ::epoll_ctl(poll, EPOLL_CTL_DEL, sockets[i], nullptr);
      --open;
    }
  }
  shared.cpu[2] = cpu_of(RUSAGE_SELF) - before;
  shared.machine[1] = cpu_of_machine();
  shared.end = std::chrono::steady_clock::now();
}

void play_relay(std::vector<Link>& links, const Way& way, std::uint64_t each, Shared& shared) {
  const bool ring_way = way.kind >= Kind::ring_splice && way.kind <= Kind::ring_zerocopy;
  for (auto& link : links) {
    link.unread = link.unsent = each;
    if (way.kind == Kind::splice || way.kind == Kind::ring_splice) {
      int ends[2];
      must(::pipe2(ends, ring_way ? 0 : O_NONBLOCK), "pipe");
      must(::fcntl(ends[1], F_SETPIPE_SZ, static_cast<int>(way.size)), "F_SETPIPE_SZ");
      link.pipe_out = ends[0];
      link.pipe_in = ends[1];
    } else {
      link.memory.resize(way.size * kBuffers);
    }
    const int one = 1;
    const auto set = [](int fd, int level, int option, int value) {
      if (value) must(::setsockopt(fd, level, option, &value, sizeof value), "setsockopt");
    };
    if (way.kind == Kind::zerocopy) set(link.sink, SOL_SOCKET, SO_ZEROCOPY, one);
    set(link.sink, SOL_SOCKET, SO_SNDBUF, way.send_buffer);
    set(link.source, SOL_SOCKET, SO_RCVBUF, way.receive_buffer);
    set(link.sink, IPPROTO_TCP, TCP_NOTSENT_LOWAT, way.unsent);
    if (way.congestion) {
      must(::setsockopt(link.sink, IPPROTO_TCP, TCP_CONGESTION, way.congestion,
                        static_cast<socklen_t>(std::strlen(way.congestion))),
           "TCP_CONGESTION");
    }
    if (ring_way) {  // io_uring waits by itself, but returns EAGAIN from a non-blocking socket
      ::fcntl(link.source, F_SETFL, 0);
      ::fcntl(link.sink, F_SETFL, 0);
    }
  }
  io_uring ring{};
  if (ring_way) make_ring(ring, links, way);
  if (way.kind == Kind::sockmap) join_by_bpf(links);
  ::pthread_barrier_wait(&shared.start);
  const auto thread = cpu_of(RUSAGE_THREAD), all = cpu_of(RUSAGE_SELF);
  if (ring_way) {
    relay_by_ring(links, way, ring);
  } else if (way.kind == Kind::sockmap) {
    wait_for_bpf(links);
  } else {
    relay_when_ready(links, way);
  }
  shared.relay_thread = cpu_of(RUSAGE_THREAD) - thread;
  shared.cpu[1] = cpu_of(RUSAGE_SELF) - all;
}

struct Figures {
  double rate, thread, process, three, machine;  // GiB/s, then CPU s/GiB
};

void connect_pair(int listener, int& client, int& server) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  client = must(::socket(AF_INET, SOCK_STREAM, 0), "socket");
  must(::connect(client, reinterpret_cast<sockaddr*>(&address), size), "connect");
  server = must(::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK), "accept");
  ::fcntl(client, F_SETFL, O_NONBLOCK);
}

Figures run(const Way& way, std::size_t connections, std::uint64_t each, int file,
            const char* expected, const std::string& mode) {
  const int listener = must(::socket(AF_INET, SOCK_STREAM, 0), "socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  must(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), "bind");
  must(::listen(listener, 16), "listen");
  std::vector<Link> links(connections);
  std::vector<int> sources(connections), sinks(connections);
  for (std::size_t i = 0; i < connections; ++i) {
    connect_pair(listener, links[i].source, sources[i]);
    connect_pair(listener, sinks[i], links[i].sink);
  }
  ::close(listener);
  auto& shared = *static_cast<Shared*>(
      ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  pthread_barrierattr_t attributes;
  ::pthread_barrierattr_init(&attributes);
  ::pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  ::pthread_barrier_init(&shared.start, &attributes, 3);
  std::vector<pid_t> children;
  const auto play = [&](const std::function<void()>& part) {
    const auto child = must(::fork(), "fork");
    if (child != 0) {
      children.push_back(child);
      return;
    }
    ::alarm(30);  // a way that hangs must not hang the others
    part();
    std::_Exit(0);
  };
  const bool stall = mode == "stall";
  play([&] { play_source(sources, each, file, mode == "sendfile", shared); });
  play([&] { play_relay(links, way, each, shared); });
  play([&] { play_sink(sinks, each, expected, stall, shared); });
  for (int second = 1; stall && second < 6; ++second) {
    ::sleep(1);
    std::printf("%-36s after %d s: %7.1f MiB a connection\n", way.name, second,
                static_cast<double>(shared.sent) / M / static_cast<double>(connections));
  }
  bool failed = false;
  for (const auto child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    failed = failed || status != 0;
  }
  const std::chrono::duration<double> took = shared.end - shared.begin;
  if (failed || shared.wrong)
    std::printf("%s: FAILED%s\n", way.name, shared.wrong ? ", wrong bytes" : "");
  const auto gib = static_cast<double>(each * connections) / static_cast<double>(1024 * M);
  const Figures figures{gib / took.count(), shared.relay_thread / gib, shared.cpu[1] / gib,
                        (shared.cpu[0] + shared.cpu[1] + shared.cpu[2]) / gib,
                        (shared.machine[1] - shared.machine[0]) / gib};
  for (const auto& link : links) {
    ::close(link.source);
    ::close(link.sink);
  }
  for (const auto& side : {sources, sinks}) {
    for (const int fd : side) ::close(fd);
  }
  ::munmap(&shared, sizeof shared);
  return figures;
}

std::string spread(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto middle = values.size() / 2;
  const auto median =
      values.size() % 2 ? values[middle] : (values[middle] + values[middle - 1]) / 2;
  char text[64];
  std::snprintf(text, sizeof text, "%.2f (%.2f–%.2f)", median, values.front(), values.back());
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  const auto argument = [&](int i, const char* otherwise) {
    return argc > i ? argv[i] : otherwise;
  };
  ::setlinebuf(stdout);  // nothing is to wait in it at a fork
  const auto connections = std::strtoul(argument(1, "1"), nullptr, 10);
  const auto each = std::strtoul(argument(2, "512"), nullptr, 10) * M / connections;
  auto rounds = std::strtoul(argument(3, "5"), nullptr, 10);
  const std::string mode = argument(4, "write");
  const std::regex chosen(argument(5, "."));

  const int file = must(::memfd_create("body", 0), "memfd_create");
  must(::ftruncate(file, kFile), "ftruncate");
  auto* const body = static_cast<char*>(
      ::mmap(nullptr, kFile, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file, 0));
  std::uint64_t state = 1;
  for (std::size_t i = 0; i < kFile; i += 8) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    std::memcpy(body + i, &state, 8);
  }

  std::vector<std::size_t> ways;
  for (std::size_t w = 0; w < kWays.size(); ++w) {
    if (w == kPresent || std::regex_search(kWays[w].name, chosen)) ways.push_back(w);
  }
  for (const auto w : ways) run(kWays[w], connections, each, file, body, mode);
  if (mode == "stall") return 0;
  std::map<std::size_t, std::vector<Figures>> results;
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t round = 0; round < rounds; ++round) {
    const auto one = std::chrono::steady_clock::now();
    for (std::size_t n = 0; n < ways.size(); ++n) {
      const auto w = ways[(n + round * 3) % ways.size()];
      results[w].push_back(run(kWays[w], connections, each, file, nullptr, mode));
    }
    const auto now = std::chrono::steady_clock::now();
    if (now + (now - one) > start + kLongest) rounds = round + 1;
  }
  std::printf(
      "%lu connections, %lu MiB each, %s, %lu rounds. CPU s/GiB: thread, process, and as ratio "
      "to the present way: process, three processes, machine, throughput\n",
      connections, each / M, mode.c_str(), rounds);
  for (const auto w : ways) {
    const auto column = [&](double Figures::*figure, bool ratio) {
      std::vector<double> values;
      for (std::size_t r = 0; r < rounds; ++r)
        values.push_back(results[w][r].*figure / (ratio ? results[kPresent][r].*figure : 1));
      return spread(values);
    };
    std::printf("| %s | %s | %s | %s | %s | %s | %s |\n", kWays[w].name,
                column(&Figures::thread, false).c_str(), column(&Figures::process, false).c_str(),
                column(&Figures::process, true).c_str(), column(&Figures::three, true).c_str(),
                column(&Figures::machine, true).c_str(), column(&Figures::rate, true).c_str());
  }
}
