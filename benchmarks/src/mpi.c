/* Messages between processes of one node: ping-pong of two ranks, allreduce over all, and whether one process may read another's
 * memory (process_vm_readv(2), "cross-memory attach"), on which large messages through shared memory depend.
 *
 * mpi CPUS BATCHES ROUNDS BYTES TRANSFERS prints one JSON object from rank 0. CPUS: as 0,2,4: one for each rank. Latencies are
 * medians over the batches of ROUNDS messages each, in seconds one way; bandwidth in bytes per second from the median of the
 * TRANSFERS of BYTES. `errors` counts messages and sums that arrived otherwise than they were sent.
 */
#include "bench.h"
#include <mpi.h>
#include <sys/uio.h>

enum { PING, PONG, TAG = 7, MOST_BATCHES = 100000, MOST_RANKS = 8192 };

static int rank, ranks;
static long errors;

static void leave_together(int status)
{
    MPI_Abort(MPI_COMM_WORLD, status);
}

static void pin_rank(char *list)
{
    static int cpus[MOST_RANKS];
    if (read_cpus(list, cpus, MOST_RANKS) <= rank)
        quit(CALLED_WRONGLY, "rank %d has no cpu of its own: the list is too short", rank);
    pin(cpus[rank]);
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

static double latency(double *each, long batches, long rounds)
{
    if (rank > PONG)
        return 0;
    for (long b = -1; b < batches; b++) {
        double start = MPI_Wtime();
        for (long r = 0; r < rounds; r++)
            exchange((b + 1) * rounds + r);
        if (b >= 0)
            each[b] = (MPI_Wtime() - start) / (double)rounds / 2;
    }
    return median(each, batches);
}

/* There and back; seconds one way. The receiver sends back what it received, so one check finds a fault of either way. */
static double transfer(uint64_t *buffer, uint64_t *back, int words)
{
    double start = MPI_Wtime();
    if (rank == PING) {
        MPI_Send(buffer, words, MPI_UINT64_T, PONG, TAG, MPI_COMM_WORLD);
        MPI_Recv(back, words, MPI_UINT64_T, PONG, TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    } else {
        MPI_Recv(back, words, MPI_UINT64_T, PING, TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        MPI_Send(back, words, MPI_UINT64_T, PING, TAG, MPI_COMM_WORLD);
    }
    return (MPI_Wtime() - start) / 2;
}

static double bandwidth(double *each, long bytes, long transfers)
{
    if (rank > PONG)
        return 0;
    long words = bytes / (long)sizeof(uint64_t);
    uint64_t *buffer = allocate((size_t)bytes), *back = allocate((size_t)bytes);
    for (long t = -1; t < transfers; t++) {
        write_words(buffer, words, t + 1);
        double taken = transfer(buffer, back, (int)words);
        errors += wrong_words(back, words, t + 1);
        if (t >= 0)
            each[t] = taken;
    }
    free(buffer), free(back);
    return (double)bytes / median(each, transfers);
}

static void sum(long number)
{
    long mine = number * (rank + 1), all = 0;
    MPI_Allreduce(&mine, &all, 1, MPI_LONG, MPI_SUM, MPI_COMM_WORLD);
    errors += all != number * ranks * (ranks + 1) / 2;
}

static double allreduce(double *each, long batches, long rounds)
{
    for (long b = -1; b < batches; b++) {
        MPI_Barrier(MPI_COMM_WORLD);
        double start = MPI_Wtime();
        for (long r = 0; r < rounds; r++)
            sum((b + 1) * rounds + r);
        if (b >= 0)
            each[b] = (MPI_Wtime() - start) / (double)rounds;
    }
    return median(each, batches);
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

static void measure(char **argument)
{
    long batches = bounded(argument[2], 1, MOST_BATCHES), rounds = bounded(argument[3], 1, 1L << 20);
    long bytes = bounded(argument[4], 8, 1L << 30), transfers = bounded(argument[5], 1, MOST_BATCHES), all;
    double *each = allocate(sizeof(double) * MOST_BATCHES);
    int refused = read_of_another();
    double one_way = latency(each, batches, rounds), rate = bandwidth(each, bytes, transfers);
    double together = allreduce(each, batches, rounds);
    MPI_Reduce(&errors, &all, 1, MPI_LONG, MPI_SUM, PING, MPI_COMM_WORLD);
    if (rank == PING) {
        printf("{\"latency\": %.9g, \"bandwidth\": %.9g, \"allreduce\": %.9g, ", one_way, rate, together);
        print_library();
        printf("\"cma\": \"%s\", \"ranks\": %d, \"errors\": %ld}\n", refused ? strerror(refused) : "works", ranks, all);
    }
    free(each);
}

int main(int count, char **argument)
{
    MPI_Init(&count, &argument);
    leave = leave_together;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    if (count != 6 || ranks < 2)
        quit(CALLED_WRONGLY, "usage, in two processes or more: mpi CPUS BATCHES ROUNDS BYTES TRANSFERS");
    pin_rank(argument[1]);
    measure(argument);
    MPI_Finalize();
    return 0;
}
