/* HEAD requests over kept connections, as fast as they are answered: wrk takes the Content-Length of
 * such an answer for a body that is still to come, and waits for ever.
 *
 *     heads PORT CONNECTIONS SECONDS PATH [FIELD...]
 *
 * One thread a connection. Any answer but 200 ends the program. Prints one line of JSON.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 1 << 14, MOST = 1 << 20 };

static int port;
static double end_time;
static char request[ROOM];

struct worker {
  pthread_t thread;
  size_t done;
  float *milliseconds; /* of each request */
};

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void ask(int fd) {
  char answer[ROOM];
  size_t held = 0, size = strlen(request);
  if (send(fd, request, size, MSG_NOSIGNAL) != (ssize_t)size) fail("send");
  do {
    ssize_t got = recv(fd, answer + held, sizeof answer - 1 - held, 0);
    if (got <= 0) fail("the server ended the connection");
    held += (size_t)got;
    answer[held] = '\0';
  } while (held < 4 || strcmp(answer + held - 4, "\r\n\r\n"));
  if (strncmp(answer, "HTTP/1.1 200", 12)) {
    fprintf(stderr, "answer: %.*s\n", (int)strcspn(answer, "\r"), answer);
    exit(1);
  }
}

static void *work(void *argument) {
  struct worker *worker = argument;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, (struct sockaddr *)&address, sizeof address)) fail("connect");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  for (double before = now(); before < end_time && worker->done < MOST;) {
    ask(fd);
    double after = now();
    worker->milliseconds[worker->done++] = (float)(1e3 * (after - before));
    before = after;
  }
  close(fd);
  return NULL;
}

static int ascending(const void *left, const void *right) {
  float a = *(const float *)left, b = *(const float *)right;
  return (a > b) - (a < b);
}

int main(int count, char **words) {
  if (count < 5)
    return fprintf(stderr, "usage: heads PORT CONNECTIONS SECONDS PATH [FIELD...]\n"), 2;
  size_t connections = (size_t)atoi(words[2]), all = 0;
  port = atoi(words[1]);
  int length = snprintf(request, sizeof request, "HEAD %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n",
                        words[4], port);
  for (int i = 5; i < count; ++i)
    length += snprintf(request + length, sizeof request - (size_t)length, "%s\r\n", words[i]);
  snprintf(request + length, sizeof request - (size_t)length, "\r\n");

  struct worker *workers = calloc(connections, sizeof *workers);
  double start = now();
  end_time = start + atof(words[3]);
  for (size_t i = 0; i < connections; ++i) {
    workers[i].milliseconds = malloc(MOST * sizeof(float)); /* touched only as far as it is used */
    if (pthread_create(&workers[i].thread, NULL, work, &workers[i])) fail("pthread_create");
  }
  for (size_t i = 0; i < connections; ++i) {
    pthread_join(workers[i].thread, NULL);
    all += workers[i].done;
  }
  double seconds = now() - start;
  float *sorted = malloc((all + 1) * sizeof *sorted), *next = sorted;
  for (size_t i = 0; i < connections; ++i) {
    memcpy(next, workers[i].milliseconds, workers[i].done * sizeof *next);
    next += workers[i].done;
  }
  qsort(sorted, all, sizeof *sorted, ascending);
  printf("{\"requests\": %zu, \"seconds\": %.3f, \"p99_ms\": %.3f}\n", all, seconds,
         all ? sorted[all * 99 / 100] : 0.0F);
  return 0;
}
