/* TLS handshakes per second: a new connection for each, until the time is over.
 *
 *     handshakes PORT THREADS SECONDS full|resumed
 *
 * TLS 1.3 with TLS_AES_128_GCM_SHA256 only. A handshake counts when the server has answered our
 * close_notify with its own, or with the end of the connection: it has seen our Finished then, so both
 * sides are done. `resumed` offers a ticket that the server gave before. Prints one line of JSON, with
 * how many sessions were really resumed, and how many new tickets came.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int port, resume;
static double seconds;

struct worker {
  pthread_t thread;
  long done, resumed, tickets;
  SSL_SESSION *ticket; /* the newest that the server gave */
  char cipher[64];
};

static void fail(const char *what) {
  perror(what);
  ERR_print_errors_fp(stderr);
  exit(1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int keep_ticket(SSL *tls, SSL_SESSION *session) {
  struct worker *worker = SSL_get_app_data(tls);
  SSL_SESSION_free(worker->ticket);
  worker->ticket = session;
  worker->tickets += 1;
  return 1; /* it is ours now */
}

static int dial(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  struct timeval patience = {.tv_sec = 5};
  /* A reset instead of an orderly end: thousands of sockets in TIME_WAIT would use up the ports. */
  int yes = 1;
  struct linger reset = {.l_onoff = 1, .l_linger = 0};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address)) fail("connect");
  return fd;
}

/* One connection, to its orderly end; whether the session was resumed. */
static int handshake(struct worker *worker, SSL_CTX *context) {
  char byte;
  int fd = dial(), resumed;
  SSL *tls = SSL_new(context);
  SSL_set_app_data(tls, worker);
  SSL_set_fd(tls, fd);
  SSL_set_tlsext_host_name(tls, "localhost");
  /* A copy, for OpenSSL lets a session be offered only once, and not every server gives a new one. */
  SSL_SESSION *offered = resume && worker->ticket ? SSL_SESSION_dup(worker->ticket) : NULL;
  if (offered) SSL_set_session(tls, offered);
  SSL_SESSION_free(offered);
  if (SSL_connect(tls) != 1) fail("SSL_connect");
  resumed = SSL_session_reused(tls);
  if (!worker->cipher[0]) strncpy(worker->cipher, SSL_get_cipher(tls), sizeof worker->cipher - 1);
  SSL_shutdown(tls);
  /* Tickets come on the way. A server that says why it ends, or that ends without a close_notify, is
     done all the same. */
  errno = 0;
  if (SSL_read(tls, &byte, 1) < 0 && errno == EAGAIN) fail("the server does not end");
  SSL_free(tls);
  close(fd);
  return resumed;
}

static void *work(void *argument) {
  struct worker *worker = argument;
  SSL_CTX *context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256");
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, keep_ticket);
  if (resume) handshake(worker, context); /* a full one, for the first ticket; not counted */
  if (resume && !worker->ticket) fail("no ticket came");
  worker->tickets = 0;
  double end = now() + seconds;
  while (now() < end) {
    worker->resumed += handshake(worker, context);
    worker->done += 1;
  }
  SSL_SESSION_free(worker->ticket);
  worker->ticket = NULL;
  SSL_CTX_free(context);
  return NULL;
}

int main(int count, char **words) {
  if (count != 5) return fprintf(stderr, "usage: handshakes PORT THREADS SECONDS full|resumed\n"), 2;
  signal(SIGPIPE, SIG_IGN);
  int threads = atoi(words[2]);
  port = atoi(words[1]), seconds = atof(words[3]), resume = !strcmp(words[4], "resumed");
  struct worker *workers = calloc((size_t)threads, sizeof *workers);
  double start = now();
  for (int i = 0; i < threads; ++i)
    if (pthread_create(&workers[i].thread, NULL, work, &workers[i])) fail("pthread_create");
  long done = 0, resumed = 0, tickets = 0;
  for (int i = 0; i < threads; ++i) {
    pthread_join(workers[i].thread, NULL);
    done += workers[i].done;
    resumed += workers[i].resumed;
    tickets += workers[i].tickets;
  }
  printf("{\"handshakes\": %ld, \"resumed\": %ld, \"tickets\": %ld, \"seconds\": %.3f, "
         "\"cipher\": \"%s\"}\n",
         done, resumed, tickets, now() - start, workers[0].cipher);
  free(workers);
  return 0;
}
