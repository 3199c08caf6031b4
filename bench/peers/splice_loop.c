/* The bare splice loop: the least work with which a body can get through a proxy, as a yardstick.
 *
 *     splice_loop PORT REGISTRY_PORT
 *
 * It knows nothing but requests without a body and answers with a Content-Length. Two threads with an
 * epoll each; a client's connection has one to the registry and a pipe of 1 MiB. Wake-ups cost more
 * than bytes, so SO_RCVLOWAT lets the registry's socket wake us for 512 KiB at a time, as long as that
 * much is to come: any more, and the last bytes would wait for ever.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { THREADS = 2, PIPE = 1 << 20, LOW_WATER = 512 << 10, HEAD = 16 << 10 };

enum phase { REQUEST, ANSWER_HEAD, BODY, ENDED };

struct connection {
  enum phase phase;
  int client, registry, pipe[2];
  int head_answer;          /* the request was a HEAD: no body, whatever Content-Length says */
  uint64_t left;            /* bytes of the body that the registry still has to send */
  size_t in_pipe, held;     /* held: bytes of a head that is not complete yet */
  int low_water;            /* what SO_RCVLOWAT is now */
  struct connection *next_ended;
  char head[HEAD + 1];
};

static uint16_t registry_port;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static struct sockaddr_in loopback(uint16_t port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

static void end(struct connection *c) {
  close(c->client);
  close(c->registry);
  close(c->pipe[0]);
  close(c->pipe[1]);
  c->phase = ENDED;
}

/* Which socket the loop waits for: never both, so one event finds one thing to do. */
static void wait_for(int poll, struct connection *c, int fd, uint32_t what) {
  int other = fd == c->client ? c->registry : c->client;
  struct epoll_event on = {.events = what, .data.ptr = c}, off = {.events = 0, .data.ptr = c};
  epoll_ctl(poll, EPOLL_CTL_MOD, other, &off);
  epoll_ctl(poll, EPOLL_CTL_MOD, fd, &on);
}

static void set_low_water(struct connection *c) {
  int wanted = c->left >= LOW_WATER ? LOW_WATER : 1;
  if (wanted == c->low_water) return;
  setsockopt(c->registry, SOL_SOCKET, SO_RCVLOWAT, &wanted, sizeof wanted);
  c->low_water = wanted;
}

/* A head is small and the socket was idle: what does not fit into its buffer at once is an error. */
static int send_all(int fd, const char *data, size_t size) {
  return send(fd, data, size, MSG_NOSIGNAL) == (ssize_t)size ? 0 : -1;
}

/* Reads on; the end of the head if it is there, 0 if not yet, -1 at the end of the connection. */
static ssize_t read_head(struct connection *c, int fd) {
  ssize_t got = recv(fd, c->head + c->held, HEAD - c->held, 0);
  if (got <= 0) return got < 0 && errno == EAGAIN ? 0 : -1;
  c->held += (size_t)got;
  c->head[c->held] = '\0';
  const char *blank = strstr(c->head, "\r\n\r\n");
  if (blank) return blank + 4 - c->head;
  return c->held == HEAD ? -1 : 0;
}

static int request(int poll, struct connection *c) {
  ssize_t length = read_head(c, c->client);
  if (length <= 0) return (int)length;
  c->head_answer = !strncmp(c->head, "HEAD ", 5);
  if (send_all(c->registry, c->head, c->held)) return -1;
  c->held = 0;
  c->phase = ANSWER_HEAD;
  wait_for(poll, c, c->registry, EPOLLIN);
  return 0;
}

static int next_request(int poll, struct connection *c) {
  c->phase = REQUEST;
  wait_for(poll, c, c->client, EPOLLIN);
  return 0;
}

static int answer_head(int poll, struct connection *c) {
  ssize_t length = read_head(c, c->registry);
  if (length <= 0) return (int)length;
  const char *field = strcasestr(c->head, "\r\ncontent-length:");
  uint64_t body = field && field < c->head + length ? strtoull(field + 17, NULL, 10) : 0;
  if (c->head_answer) body = 0;
  uint64_t with_head = c->held - (size_t)length;
  if (with_head > body || send_all(c->client, c->head, c->held)) return -1;
  c->held = 0;
  c->left = body - with_head;
  if (c->left == 0) return next_request(poll, c);
  c->phase = BODY;
  set_low_water(c);
  return 0;
}

static int body(int poll, struct connection *c) {
  for (;;) {
    while (c->in_pipe) {
      ssize_t out = splice(c->pipe[0], NULL, c->client, NULL, c->in_pipe,
                           SPLICE_F_NONBLOCK | SPLICE_F_MOVE | (c->left ? SPLICE_F_MORE : 0));
      if (out < 0 && errno == EAGAIN) return wait_for(poll, c, c->client, EPOLLOUT), 0;
      if (out <= 0) return -1;
      c->in_pipe -= (size_t)out;
    }
    if (c->left == 0) return next_request(poll, c);
    size_t most = c->left < PIPE ? (size_t)c->left : PIPE;
    ssize_t in = splice(c->registry, NULL, c->pipe[1], NULL, most,
                        SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    if (in < 0 && errno == EAGAIN) return wait_for(poll, c, c->registry, EPOLLIN), 0;
    if (in <= 0) return -1;
    c->in_pipe += (size_t)in;
    c->left -= (uint64_t)in;
    set_low_water(c);
  }
}

static void *loop(void *argument) {
  int poll = *(int *)argument;
  struct epoll_event events[64];
  for (;;) {
    int count = epoll_wait(poll, events, 64, -1);
    struct connection *ended = NULL; /* freed afterwards: both sockets may be in this list */
    for (int i = 0; i < count; ++i) {
      struct connection *c = events[i].data.ptr;
      if (c->phase == ENDED) continue;
      int failed = events[i].events & (EPOLLERR | EPOLLHUP) ? -1
                   : c->phase == REQUEST                    ? request(poll, c)
                   : c->phase == ANSWER_HEAD                ? answer_head(poll, c)
                                                            : body(poll, c);
      if (!failed) continue;
      end(c);
      c->next_ended = ended;
      ended = c;
    }
    while (ended) {
      struct connection *c = ended;
      ended = c->next_ended;
      free(c);
    }
  }
  return NULL;
}

static void take(int poll, int client) {
  int yes = 1;
  struct sockaddr_in address = loopback(registry_port);
  struct connection *c = calloc(1, sizeof *c);
  if (!c) fail("calloc");
  c->client = client;
  c->low_water = 1;
  c->registry = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(c->registry, (struct sockaddr *)&address, sizeof address)) fail("connect");
  if (pipe2(c->pipe, O_NONBLOCK) || fcntl(c->pipe[1], F_SETPIPE_SZ, PIPE) < 0) fail("pipe");
  fcntl(client, F_SETFL, O_NONBLOCK);
  fcntl(c->registry, F_SETFL, O_NONBLOCK);
  setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  setsockopt(c->registry, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  struct epoll_event off = {.events = 0, .data.ptr = c}, on = {.events = EPOLLIN, .data.ptr = c};
  epoll_ctl(poll, EPOLL_CTL_ADD, c->registry, &off);
  epoll_ctl(poll, EPOLL_CTL_ADD, client, &on);
}

int main(int count, char **words) {
  if (count != 3) return fprintf(stderr, "usage: splice_loop PORT REGISTRY_PORT\n"), 2;
  signal(SIGPIPE, SIG_IGN); /* splice has no MSG_NOSIGNAL */
  registry_port = (uint16_t)atoi(words[2]);
  struct sockaddr_in address = loopback((uint16_t)atoi(words[1]));
  int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1, polls[THREADS];
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 512))
    fail("listen");
  for (int i = 0; i < THREADS; ++i) {
    pthread_t thread;
    polls[i] = epoll_create1(0);
    if (pthread_create(&thread, NULL, loop, &polls[i])) fail("pthread_create");
  }
  for (unsigned turn = 0;; ++turn) {
    int client = accept(listener, NULL, NULL);
    if (client < 0) fail("accept");
    take(polls[turn % THREADS], client);
  }
}
