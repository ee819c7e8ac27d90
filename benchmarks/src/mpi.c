/* Messages between processes of one node: ping-pong of two ranks, allreduce over all, and whether one process may read another's
 * memory (process_vm_readv(2), "cross-memory attach"), on which large messages through shared memory depend.
 *
 * mpi CPUS BATCHES ROUNDS BYTES TRANSFERS prints one JSON object from rank 0. CPUS: as 0,2,4: one for each rank. Latencies are
 * medians over the batches of ROUNDS messages each, in seconds one way; bandwidth in bytes per second from the median of the
 * TRANSFERS of BYTES. `errors` counts messages and sums that arrived otherwise than they were sent.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <mpi.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PING, PONG, TAG = 7, MOST_BATCHES = 100000 };

static int rank, ranks;
static long errors;

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

static void bind_to(char *list)
{
    char *word = strtok(list, ",");
    for (int r = 0; r < rank && word != NULL; r++)
        word = strtok(NULL, ",");
    cpu_set_t mask;
    CPU_ZERO(&mask);
    if (word != NULL)
        CPU_SET(atoi(word), &mask);
    if (word == NULL || sched_setaffinity(0, sizeof mask, &mask)) {
        fprintf(stderr, "rank %d has no cpu of its own: %s\n", rank, word ? strerror(errno) : "the list is too short");
        MPI_Abort(MPI_COMM_WORLD, 2);
    }
}

/* Each message carries its number; the answer is one more. */
static void exchange(long number)
{
    long sent, got;
    if (rank == PING) {
        sent = number;
        MPI_Send(&sent, 1, MPI_LONG, PONG, TAG, MPI_COMM_WORLD);
        MPI_Recv(&got, 1, MPI_LONG, PONG, TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        errors += got != number + 1;
    } else {
        MPI_Recv(&got, 1, MPI_LONG, PING, TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        sent = got + 1;
        MPI_Send(&sent, 1, MPI_LONG, PING, TAG, MPI_COMM_WORLD);
    }
}

static double latency(double *seconds, long batches, long rounds)
{
    if (rank > PONG)
        return 0;
    for (long b = -1; b < batches; b++) {
        double start = MPI_Wtime();
        for (long r = 0; r < rounds; r++)
            exchange((b + 1) * rounds + r);
        if (b >= 0)
            seconds[b] = (MPI_Wtime() - start) / (double)rounds / 2;
    }
    return median(seconds, batches);
}

static unsigned long word_of(long transfer, long place)
{
    return ((unsigned long)transfer << 40) ^ (unsigned long)place * 0x9e3779b97f4a7c15UL;
}

static void fill(unsigned long *buffer, long words, long transfer)
{
    for (long i = 0; i < words; i++)
        buffer[i] = word_of(transfer, i);
}

static void check(const unsigned long *buffer, long words, long transfer)
{
    for (long i = 0; i < words; i++)
        errors += buffer[i] != word_of(transfer, i);
}

/* There and back; seconds one way. The receiver sends back what it received, so one check finds a fault of either way. */
static double transfer(unsigned long *buffer, unsigned long *back, int words)
{
    double start = MPI_Wtime();
    if (rank == PING) {
        MPI_Send(buffer, words, MPI_UNSIGNED_LONG, PONG, TAG, MPI_COMM_WORLD);
        MPI_Recv(back, words, MPI_UNSIGNED_LONG, PONG, TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    } else {
        MPI_Recv(back, words, MPI_UNSIGNED_LONG, PING, TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        MPI_Send(back, words, MPI_UNSIGNED_LONG, PING, TAG, MPI_COMM_WORLD);
    }
    return (MPI_Wtime() - start) / 2;
}

static void *allocate(size_t bytes)
{
    void *memory = calloc(1, bytes);
    if (memory == NULL) {
        fprintf(stderr, "no memory for %zu bytes; take a smaller size\n", bytes);
        MPI_Abort(MPI_COMM_WORLD, 2);
    }
    return memory;
}

static double bandwidth(double *seconds, long bytes, long transfers)
{
    if (rank > PONG)
        return 0;
    long words = bytes / (long)sizeof(unsigned long);
    unsigned long *buffer = allocate((size_t)bytes), *back = allocate((size_t)bytes);
    for (long t = -1; t < transfers; t++) {
        fill(buffer, words, t + 1);
        double taken = transfer(buffer, back, (int)words);
        check(back, words, t + 1);
        if (t >= 0)
            seconds[t] = taken;
    }
    free(buffer), free(back);
    return (double)bytes / median(seconds, transfers);
}

static void sum(long number)
{
    long mine = number * (rank + 1), all = 0;
    MPI_Allreduce(&mine, &all, 1, MPI_LONG, MPI_SUM, MPI_COMM_WORLD);
    errors += all != number * ranks * (ranks + 1) / 2;
}

static double allreduce(double *seconds, long batches, long rounds)
{
    for (long b = -1; b < batches; b++) {
        MPI_Barrier(MPI_COMM_WORLD);
        double start = MPI_Wtime();
        for (long r = 0; r < rounds; r++)
            sum((b + 1) * rounds + r);
        if (b >= 0)
            seconds[b] = (MPI_Wtime() - start) / (double)rounds;
    }
    return median(seconds, batches);
}

/* What process_vm_readv(2) answers between two processes of which neither is the other's child. */
static int read_of_another(void)
{
    long secret = 4711 + rank, copy = 0, place[2] = {getpid(), (long)&secret};
    int answer = 0;
    if (rank == PONG) {
        MPI_Recv(place, 2, MPI_LONG, PING, TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        struct iovec local = {&copy, sizeof copy}, remote = {(void *)place[1], sizeof copy};
        ssize_t got = process_vm_readv((pid_t)place[0], &local, 1, &remote, 1, 0);
        answer = got < 0 ? errno : 0;
        errors += got >= 0 && copy != 4711 + PING;
        MPI_Send(&answer, 1, MPI_INT, PING, TAG, MPI_COMM_WORLD);
    } else if (rank == PING) {
        MPI_Send(place, 2, MPI_LONG, PONG, TAG, MPI_COMM_WORLD);
        MPI_Recv(&answer, 1, MPI_INT, PONG, TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    }
    return answer;
}

static void print_library(void)
{
    char name[MPI_MAX_LIBRARY_VERSION_STRING];
    int length;
    MPI_Get_library_version(name, &length);
    name[strcspn(name, "\n,\"\\")] = '\0';
    printf("\"library\": \"%s\", ", name);
}

static long bounded(const char *text, long low, long high)
{
    char *end;
    long number = strtol(text, &end, 10);
    if (*end != '\0' || number < low || number > high) {
        fprintf(stderr, "%s is not a number from %ld to %ld\n", text, low, high);
        MPI_Abort(MPI_COMM_WORLD, 2);
    }
    return number;
}

static void measure(char **argument)
{
    long batches = bounded(argument[2], 1, MOST_BATCHES), rounds = bounded(argument[3], 1, 1L << 20);
    long bytes = bounded(argument[4], 8, 1L << 30), transfers = bounded(argument[5], 1, MOST_BATCHES), all;
    double *seconds = allocate(sizeof(double) * MOST_BATCHES);
    int refused = read_of_another();
    double one_way = latency(seconds, batches, rounds), rate = bandwidth(seconds, bytes, transfers);
    double together = allreduce(seconds, batches, rounds);
    MPI_Reduce(&errors, &all, 1, MPI_LONG, MPI_SUM, PING, MPI_COMM_WORLD);
    if (rank == PING) {
        printf("{\"latency\": %.9g, \"bandwidth\": %.9g, \"allreduce\": %.9g, ", one_way, rate, together);
        print_library();
        printf("\"cma\": \"%s\", \"ranks\": %d, \"errors\": %ld}\n", refused ? strerror(refused) : "works", ranks, all);
    }
    free(seconds);
}

int main(int count, char **argument)
{
    MPI_Init(&count, &argument);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    if (count != 6 || ranks < 2) {
        fprintf(stderr, "usage, in two processes or more: mpi CPUS BATCHES ROUNDS BYTES TRANSFERS\n");
        MPI_Abort(MPI_COMM_WORLD, 2);
    }
    bind_to(argument[1]);
    measure(argument);
    MPI_Finalize();
    return 0;
}
