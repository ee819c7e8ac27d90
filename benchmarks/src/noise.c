/* What the system takes from its programs: a fixed quantum of work again and again, one pinned thread on each core, and how
 * much longer than its shortest time each took (Sottile & Minnich, "Analysis of microbenchmarks for performance tuning of
 * clusters", 2004).
 *
 * noise QUANTA UNITS CPU,CPU,… prints over all threads the 99.9th percentile and the maximum of the time of a quantum in terms
 * of the shortest one of that thread, the share of all time that was longer than that, the shortest time of all in ns, and the
 * state that the work left: QUANTA times UNITS steps of a congruential generator (Knuth's MMIX constants) from 1.
 */
#include "bench.h"
#include <math.h>

enum { MOST_THREADS = 8192, WARM_UP_NS = 20000000 };

static const uint64_t multiplier = 6364136223846793005u, increment = 1442695040888963407u;

struct thread {
    int cpu;
    double *ns;
    uint64_t state;
};

static uint64_t work(uint64_t state, long units)
{
    for (long i = 0; i < units; i++)
        state = state * multiplier + increment;
    __asm__ volatile("" : "+r"(state));
    return state;
}

static void warm_up(long units)
{
    for (uint64_t start = nanoseconds(), state = start; nanoseconds() - start < WARM_UP_NS;)
        state = work(state, units);
}

static void run(struct thread *its, long quanta, long units)
{
    uint64_t state = 1, before = nanoseconds();
    for (long i = 0; i < quanta; i++) {
        state = work(state, units);
        uint64_t after = nanoseconds();
        its->ns[i] = (double)(after - before);
        before = after;
    }
    its->state = state;
}

static void run_all(struct thread *each, int threads, long quanta, long units)
{
    int started = 0;
#pragma omp parallel num_threads(threads)
    {
        struct thread *mine = &each[omp_get_thread_num()];
        pin(mine->cpu);
        memset(mine->ns, 0, (size_t)quanta * sizeof *mine->ns);
        warm_up(units);
#pragma omp atomic
        started++;
#pragma omp barrier
        run(mine, quanta, units);
    }
    if (started != threads)
        quit(CANNOT_RUN, "%d threads on %d cores: unset OMP_THREAD_LIMIT and the like", started, threads);
}

static double least(const double *values, long count)
{
    double found = values[0];
    for (long i = 1; i < count; i++)
        found = values[i] < found ? values[i] : found;
    return found;
}

/* Turns times into multiples of the thread's shortest one. */
static void relate(struct thread *its, long quanta, double *lost, double *total, double *shortest)
{
    double base = least(its->ns, quanta);
    for (long i = 0; i < quanta; i++) {
        *lost += its->ns[i] - base;
        *total += its->ns[i];
        its->ns[i] /= base;
    }
    *shortest = base < *shortest ? base : *shortest;
}

static void report(struct thread *each, int threads, long quanta)
{
    double lost = 0.0, total = 0.0, shortest = HUGE_VAL, *all = each[0].ns;
    long count = quanta * threads;
    for (int t = 0; t < threads; t++)
        relate(&each[t], quanta, &lost, &total, &shortest);
    qsort(all, (size_t)count, sizeof *all, in_order);
    printf("{\"p999\": %.9g, \"max\": %.9g, ", all[(long)ceil(0.999 * (double)count) - 1], all[count - 1]);
    printf("\"share\": %.9g, \"shortest_ns\": %.9g, \"state\": \"%llu\", \"threads\": %d}\n", lost / total, shortest,
           (unsigned long long)each[0].state, threads);
}

static void same_work(const struct thread *each, int threads)
{
    for (int t = 1; t < threads; t++)
        if (each[t].state != each[0].state)
            quit(WRONG_RESULT, "the work of cpu %d ended in another state than that of cpu %d", each[t].cpu, each[0].cpu);
}

int main(int count, char **argument)
{
    static struct thread each[MOST_THREADS];
    static int cpus[MOST_THREADS];
    if (count != 4)
        quit(CALLED_WRONGLY, "usage: noise QUANTA UNITS CPU,CPU,…");
    long quanta = bounded(argument[1], 2, 10000000), units = bounded(argument[2], 1, 1L << 40);
    int threads = read_cpus(argument[3], cpus, MOST_THREADS);
    if (!threads)
        quit(CALLED_WRONGLY, "no cpus");
    double *ns = reserve((size_t)quanta * (size_t)threads * sizeof *ns, AS_THE_SYSTEM_GIVES);
    for (int t = 0; t < threads; t++)
        each[t] = (struct thread){.cpu = cpus[t], .ns = ns + t * quanta};
    run_all(each, threads, quanta, units);
    same_work(each, threads);
    report(each, threads, quanta);
    return 0;
}
