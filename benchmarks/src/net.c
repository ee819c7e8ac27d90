/* TCP between two processes over an address of this node: latency of small messages, bandwidth of large ones.
 *
 * net CPUS BATCHES ROUNDS BYTES TRANSFERS prints one JSON object: the median seconds one way of a message (over BATCHES of ROUNDS
 * round trips) and the median seconds of TRANSFERS of BYTES until the receiver has all. CPUS: as 0,1: client and server.
 * Exits 3 when bytes arrive otherwise than they were sent.
 */
#include "bench.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { MOST = 10000 };

struct work {
    long batches, rounds, bytes, transfers;
};

static void put(int wire, const void *from, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t sent = send(wire, (const char *)from + done, bytes - done, MSG_NOSIGNAL);
        if (sent <= 0)
            quit(CANNOT_RUN, "cannot send: %m");
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
            quit(CANNOT_RUN, "cannot receive: %m");
        done += (size_t)got;
    }
}

static void without_delay(int wire)
{
    int yes = 1;
    if (setsockopt(wire, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes))
        quit(CANNOT_RUN, "cannot set TCP_NODELAY: %m");
}

/* Answers each number with the next one; then takes each transfer and says when it has all of it. Words that came otherwise. */
static long serve(int wire, const struct work *work)
{
    uint64_t number, *buffer = allocate((size_t)work->bytes);
    long errors = 0;
    for (long r = 0; r < (work->batches + 1) * work->rounds; r++) {
        get(wire, &number, sizeof number);
        number++;
        put(wire, &number, sizeof number);
    }
    for (long t = 0; t < work->transfers + 1; t++) {
        get(wire, buffer, (size_t)work->bytes);
        put(wire, &(char){1}, 1);
        errors += wrong_words(buffer, work->bytes / (long)sizeof *buffer, t);
    }
    free(buffer);
    return errors;
}

static double latency(int wire, const struct work *work, double *each)
{
    for (long b = 0; b < work->batches + 1; b++) {
        double start = seconds();
        for (long r = 0; r < work->rounds; r++) {
            uint64_t sent = (uint64_t)(b * work->rounds + r), got;
            put(wire, &sent, sizeof sent);
            get(wire, &got, sizeof got);
            if (got != sent + 1)
                quit(WRONG_RESULT, "a message was not answered as it should be");
        }
        if (b > 0)
            each[b - 1] = (seconds() - start) / (double)work->rounds / 2;
    }
    return median(each, work->batches);
}

static double transfer(int wire, const struct work *work, double *each)
{
    uint64_t *buffer = allocate((size_t)work->bytes);
    for (long t = 0; t < work->transfers + 1; t++) {
        char got;
        write_words(buffer, work->bytes / (long)sizeof *buffer, t);
        double start = seconds();
        put(wire, buffer, (size_t)work->bytes);
        get(wire, &got, 1);
        if (t > 0)
            each[t - 1] = seconds() - start;
    }
    free(buffer);
    return median(each, work->transfers);
}

static int listener(struct sockaddr_in *address)
{
    socklen_t length = sizeof *address;
    int door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (door < 0 || bind(door, (struct sockaddr *)address, length) || listen(door, 1) ||
        getsockname(door, (struct sockaddr *)address, &length))
        quit(CANNOT_RUN, "cannot listen on 127.0.0.1: %m");
    return door;
}

static _Noreturn void be_server(int door, int cpu, const struct work *work)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pin(cpu);
    int wire = accept(door, NULL, NULL);
    if (wire < 0)
        quit(CANNOT_RUN, "cannot accept: %m");
    without_delay(wire);
    if (serve(wire, work))
        quit(WRONG_RESULT, "a transfer arrived otherwise than it was sent");
    exit(0);
}

static int connected(const struct sockaddr_in *address, int door)
{
    int wire = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (wire < 0 || connect(wire, (const struct sockaddr *)address, sizeof *address))
        quit(CANNOT_RUN, "cannot connect to 127.0.0.1: %m");
    without_delay(wire);
    close(door);
    return wire;
}

static void await(pid_t server)
{
    int status;
    if (waitpid(server, &status, 0) != server || !WIFEXITED(status))
        quit(CANNOT_RUN, "cannot get the server's end: %m");
    if (WEXITSTATUS(status))
        exit(WEXITSTATUS(status));
}

static void measure(int wire, pid_t server, const struct work *work)
{
    static double each[MOST];
    double one_way = latency(wire, work, each), whole = transfer(wire, work, each);
    await(server);
    printf("{\"latency\": %.9g, \"transfer\": %.9g}\n", one_way, whole);
}

int main(int count, char **argument)
{
    enum { CLIENT, SERVER, ENDS };
    int cpus[ENDS];
    if (count != 6 || read_cpus(argument[1], cpus, ENDS) != ENDS)
        quit(CALLED_WRONGLY, "usage: net CPU,CPU BATCHES ROUNDS BYTES TRANSFERS");
    struct work work = {bounded(argument[2], 1, MOST), bounded(argument[3], 1, 1 << 20), bounded(argument[4], 8, 1 << 30),
                        bounded(argument[5], 1, MOST)};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int door = listener(&address);
    pid_t server = fork();
    if (server < 0)
        quit(CANNOT_RUN, "cannot fork: %m");
    if (server == 0)
        be_server(door, cpus[SERVER], &work);
    pin(cpus[CLIENT]);
    measure(connected(&address, door), server, &work);
    return 0;
}
