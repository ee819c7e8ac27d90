/* TCP between two processes over an address of this node: latency of small messages, bandwidth of large ones.
 *
 * net CPUS BATCHES ROUNDS BYTES TRANSFERS prints one JSON object: the median seconds one way of a message (over BATCHES of ROUNDS
 * round trips) and the median seconds of TRANSFERS of BYTES until the receiver has all. CPUS: as 0,1: client and server.
 * Exits 3 when bytes arrive otherwise than they were sent.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WRONG = 3, MOST = 10000 };

struct work {
    long batches, rounds, bytes, transfers;
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void fail(const char *what)
{
    fprintf(stderr, "cannot %s: %s\n", what, strerror(errno));
    exit(1);
}

static void wrong(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(WRONG);
}

static int by_size(const void *one, const void *other)
{
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

static double median(double *values, long count)
{
    qsort(values, (size_t)count, sizeof *values, by_size);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static void bind_to(int cpu)
{
    cpu_set_t mask;
    CPU_ZERO(&mask);
    CPU_SET(cpu, &mask);
    if (sched_setaffinity(0, sizeof mask, &mask))
        fail("run on that cpu");
}

static void put(int wire, const void *from, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t sent = send(wire, (const char *)from + done, bytes - done, MSG_NOSIGNAL);
        if (sent <= 0)
            fail("send");
        done += (size_t)sent;
    }
}

static void get(int wire, void *into, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t got = recv(wire, (char *)into + done, bytes - done, 0);
        if (got == 0)
            exit(1);
        if (got < 0)
            fail("receive");
        done += (size_t)got;
    }
}

static void without_delay(int wire)
{
    int yes = 1;
    if (setsockopt(wire, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes))
        fail("set TCP_NODELAY");
}

static uint64_t word_of(long transfer, long place)
{
    return ((uint64_t)transfer << 40) ^ (uint64_t)place * 0x9e3779b97f4a7c15u;
}

static uint64_t *allocate(long bytes)
{
    uint64_t *buffer = calloc(1, (size_t)bytes);
    if (buffer == NULL)
        fail("get memory for a message");
    return buffer;
}

/* Answers each number with the next one; then takes each transfer and says when it has all of it. Words that came otherwise. */
static long serve(int wire, const struct work *work)
{
    uint64_t number, *buffer = allocate(work->bytes);
    long errors = 0;
    for (long r = 0; r < (work->batches + 1) * work->rounds; r++) {
        get(wire, &number, sizeof number);
        number++;
        put(wire, &number, sizeof number);
    }
    for (long t = 0; t < work->transfers + 1; t++) {
        get(wire, buffer, (size_t)work->bytes);
        put(wire, &(char){1}, 1);
        for (long i = 0; i < work->bytes / (long)sizeof *buffer; i++)
            errors += buffer[i] != word_of(t, i);
    }
    free(buffer);
    return errors;
}

static double latency(int wire, const struct work *work, double *seconds)
{
    for (long b = 0; b < work->batches + 1; b++) {
        double start = now();
        for (long r = 0; r < work->rounds; r++) {
            uint64_t sent = (uint64_t)(b * work->rounds + r), got;
            put(wire, &sent, sizeof sent);
            get(wire, &got, sizeof got);
            if (got != sent + 1)
                wrong("a message was not answered as it should be");
        }
        if (b > 0)
            seconds[b - 1] = (now() - start) / (double)work->rounds / 2;
    }
    return median(seconds, work->batches);
}

static double transfer(int wire, const struct work *work, double *seconds)
{
    uint64_t *buffer = allocate(work->bytes);
    for (long t = 0; t < work->transfers + 1; t++) {
        char got;
        for (long i = 0; i < work->bytes / (long)sizeof *buffer; i++)
            buffer[i] = word_of(t, i);
        double start = now();
        put(wire, buffer, (size_t)work->bytes);
        get(wire, &got, 1);
        if (t > 0)
            seconds[t - 1] = now() - start;
    }
    free(buffer);
    return median(seconds, work->transfers);
}

static int listener(struct sockaddr_in *address)
{
    socklen_t length = sizeof *address;
    int door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (door < 0 || bind(door, (struct sockaddr *)address, length) || listen(door, 1) ||
        getsockname(door, (struct sockaddr *)address, &length))
        fail("listen on 127.0.0.1");
    return door;
}

static _Noreturn void be_server(int door, int cpu, const struct work *work)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    bind_to(cpu);
    int wire = accept(door, NULL, NULL);
    if (wire < 0)
        fail("accept");
    without_delay(wire);
    if (serve(wire, work))
        wrong("a transfer arrived otherwise than it was sent");
    exit(0);
}

static int connected(const struct sockaddr_in *address, int door)
{
    int wire = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (wire < 0 || connect(wire, (const struct sockaddr *)address, sizeof *address))
        fail("connect to 127.0.0.1");
    without_delay(wire);
    close(door);
    return wire;
}

static void await(pid_t server)
{
    int status;
    if (waitpid(server, &status, 0) != server || !WIFEXITED(status))
        fail("get the server's end");
    if (WEXITSTATUS(status))
        exit(WEXITSTATUS(status));
}

static void measure(int wire, pid_t server, const struct work *work)
{
    static double seconds[MOST];
    double one_way = latency(wire, work, seconds), whole = transfer(wire, work, seconds);
    await(server);
    printf("{\"latency\": %.9g, \"transfer\": %.9g}\n", one_way, whole);
}

static long bounded(const char *text, long low, long high)
{
    char *end;
    long number = strtol(text, &end, 10);
    if (*end != '\0' || number < low || number > high) {
        fprintf(stderr, "%s is not a number from %ld to %ld\n", text, low, high);
        exit(2);
    }
    return number;
}

int main(int count, char **argument)
{
    int client, peer;
    if (count != 6 || sscanf(argument[1], "%d,%d", &client, &peer) != 2) {
        fprintf(stderr, "usage: net CPU,CPU BATCHES ROUNDS BYTES TRANSFERS\n");
        return 2;
    }
    struct work work = {bounded(argument[2], 1, MOST), bounded(argument[3], 1, 1 << 20), bounded(argument[4], 8, 1 << 30),
                        bounded(argument[5], 1, MOST)};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int door = listener(&address);
    pid_t server = fork();
    if (server < 0)
        fail("fork");
    if (server == 0)
        be_server(door, peer, &work);
    bind_to(client);
    measure(connected(&address, door), server, &work);
    return 0;
}
