/* Random updates of a table: RandomAccess of HPC Challenge (Luszczek et al., "Introduction to the HPC Challenge Benchmark
 * Suite", 2005), by all threads on one table.
 *
 * gups LOG2_ENTRIES UPDATES small|huge prints the seconds of all updates, the entries that are wrong after the same updates once
 * more (each is its own inverse), the share of the table on huge pages, and the number of threads.
 */
#include "bench.h"

static const uint64_t polynomial = 7; /* x^64 = x^2 + x + 1: the generator of RandomAccess, one bit a step */

static inline uint64_t next(uint64_t value)
{
    return value << 1 ^ (value >> 63 ? polynomial : 0);
}

static uint64_t product(uint64_t one, uint64_t other)
{
    uint64_t sum = 0;
    for (; other; other >>= 1, one = next(one))
        sum ^= other & 1 ? one : 0;
    return sum;
}

/* The generator's value after that many steps from 1. */
static uint64_t after(uint64_t steps)
{
    uint64_t value = 1, power = 2;
    for (; steps; steps >>= 1, power = product(power, power))
        value = steps & 1 ? product(value, power) : value;
    return value;
}

static long first_of(long count, int thread, int threads)
{
    return (long)((__int128)count * thread / threads);
}

static void fill(uint64_t *table, long entries)
{
#pragma omp parallel for schedule(static)
    for (long i = 0; i < entries; i++)
        table[i] = (uint64_t)i;
}

/* Two threads at one entry may lose an update, as RandomAccess allows: load and store are atomic, both together are not. */
static void update(uint64_t *table, uint64_t mask, uint64_t value, long count)
{
    for (long i = 0; i < count; i++) {
        value = next(value);
        uint64_t *entry = &table[value & mask];
        __atomic_store_n(entry, __atomic_load_n(entry, __ATOMIC_RELAXED) ^ value, __ATOMIC_RELAXED);
    }
}

static void update_safely(uint64_t *table, uint64_t mask, uint64_t value, long count)
{
    for (long i = 0; i < count; i++) {
        value = next(value);
        __atomic_fetch_xor(&table[value & mask], value, __ATOMIC_RELAXED);
    }
}

static double run(uint64_t *table, long entries, long updates, int safely)
{
    double start = seconds();
#pragma omp parallel
    {
        int me = omp_get_thread_num(), threads = omp_get_num_threads();
        long first = first_of(updates, me, threads), count = first_of(updates, me + 1, threads) - first;
        (safely ? update_safely : update)(table, (uint64_t)entries - 1, after((uint64_t)first), count);
    }
    return seconds() - start;
}

static long wrong_entries(const uint64_t *table, long entries)
{
    long wrong = 0;
#pragma omp parallel for schedule(static) reduction(+ : wrong)
    for (long i = 0; i < entries; i++)
        wrong += table[i] != (uint64_t)i;
    return wrong;
}

int main(int count, char **argument)
{
    if (count != 4)
        quit(CALLED_WRONGLY, "usage: gups LOG2_ENTRIES UPDATES small|huge");
    long entries = 1L << bounded(argument[1], 10, 40), updates = bounded(argument[2], 1, 1L << 44);
    size_t bytes = (size_t)entries * sizeof(uint64_t);
    uint64_t *table = reserve(bytes, strcmp(argument[3], "huge") ? SMALL_PAGES : HUGE_PAGES);
    fill(table, entries);
    double share = huge_share(table, bytes), took = run(table, entries, updates, 0);
    run(table, entries, updates, 1);
    printf("{\"seconds\": %.9g, \"errors\": %ld, ", took, wrong_entries(table, entries));
    printf("\"huge_share\": %.4f, \"threads\": %d}\n", share, threads());
    return 0;
}
