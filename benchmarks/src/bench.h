/* What the kernels share. Include it first: it asks for GNU's declarations.
 *
 * A kernel prints one JSON object on stdout and exits 0. It exits 1 when it cannot run, 2 when it was called wrongly, 3 when its
 * own check failed; then one line on stderr says why.
 */
#ifndef BENCH_H
#define BENCH_H

#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#ifdef _OPENMP
#include <omp.h>
#endif

enum { CANNOT_RUN = 1, CALLED_WRONGLY = 2, WRONG_RESULT = 3 };
enum pages { AS_THE_SYSTEM_GIVES, SMALL_PAGES, HUGE_PAGES };
enum { ANY_NODE = -1, MOST_NODES = 1024, SAMPLED_PAGES = 64 };

/* Ends the program; of one that is several processes, the others too. */
static void (*leave)(int status) = exit;

__attribute__((noreturn, format(printf, 2, 3))) static inline void quit(int status, const char *form, ...)
{
    char line[512];
    va_list values;
    va_start(values, form);
    vsnprintf(line, sizeof line, form, values);
    va_end(values);
    fprintf(stderr, "%s\n", line);
    leave(status);
    exit(status);
}

static inline long bounded(const char *text, long low, long high)
{
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (*text == '\0' || *end != '\0' || errno || number < low || number > high)
        quit(CALLED_WRONGLY, "%s is not a number from %ld to %ld", text, low, high);
    return number;
}

/* Of a list as 0,2,4; how many they are. Changes the list. */
static inline int read_cpus(char *list, int *cpus, int most)
{
    int count = 0;
    for (char *rest, *one = strtok_r(list, ",", &rest); one != NULL; one = strtok_r(NULL, ",", &rest)) {
        if (count == most)
            quit(CALLED_WRONGLY, "more than %d cpus", most);
        cpus[count++] = (int)bounded(one, 0, 65535);
    }
    return count;
}

static inline uint64_t nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline double seconds(void)
{
    return (double)nanoseconds() * 1e-9;
}

/* The calling thread, sched_setaffinity(2). */
static inline void pin(int cpu)
{
    size_t bytes = CPU_ALLOC_SIZE(cpu + 1);
    cpu_set_t *set = CPU_ALLOC(cpu + 1);
    if (set == NULL)
        quit(CANNOT_RUN, "no memory for a set of cpus");
    CPU_ZERO_S(bytes, set);
    CPU_SET_S(cpu, bytes, set);
    if (sched_setaffinity(0, bytes, set))
        quit(CANNOT_RUN, "cannot run on cpu %d: %m", cpu);
    CPU_FREE(set);
}

#ifdef _OPENMP
static inline int threads(void)
{
    int count = 0;
#pragma omp parallel
#pragma omp single
    count = omp_get_num_threads();
    return count;
}
#endif

/* Zeros, until free(3). */
static inline void *allocate(size_t bytes)
{
    void *memory = calloc(1, bytes);
    if (memory == NULL)
        quit(CANNOT_RUN, "no memory for %zu bytes; take a smaller size", bytes);
    return memory;
}

static inline size_t huge_page(void)
{
    size_t bytes = 0;
    FILE *file = fopen("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", "r");
    if (file != NULL) {
        if (fscanf(file, "%zu", &bytes) != 1)
            bytes = 0;
        fclose(file);
    }
    return bytes ? bytes : (size_t)2 << 20;
}

static inline size_t whole_huge_pages(size_t bytes)
{
    size_t page = huge_page();
    return (bytes + page - 1) / page * page;
}

/* Untouched memory that begins with a huge page and lasts until the program ends. */
static inline void *reserve(size_t bytes, enum pages wanted)
{
    size_t page = huge_page(), length = whole_huge_pages(bytes);
    char *start = mmap(NULL, length + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED)
        quit(CANNOT_RUN, "no memory for %zu bytes; take a smaller size", length);
    char *aligned = (char *)(((uintptr_t)start + page - 1) / page * page);
    if (wanted != AS_THE_SYSTEM_GIVES)
        madvise(aligned, length, wanted == HUGE_PAGES ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    return aligned;
}

/* Binds untouched pages to a NUMA node, mbind(2). */
static inline void place(void *start, size_t bytes, int node)
{
    enum { BIND = 2, BITS = 8 * sizeof(unsigned long) };
    unsigned long nodes[MOST_NODES / BITS] = {0};
    if (node == ANY_NODE)
        return;
    nodes[node / BITS] = 1UL << node % BITS;
    if (syscall(SYS_mbind, start, whole_huge_pages(bytes), BIND, nodes, (unsigned long)MOST_NODES, 0u))
        quit(CANNOT_RUN, "cannot bind memory to node %d: %m", node);
}

/* Pages, of some that are looked at, that lie on another node, move_pages(2); -1 where the kernel does not say. */
static inline int strayed(void *start, size_t bytes, int node)
{
    void *pages[SAMPLED_PAGES];
    int status[SAMPLED_PAGES], count = 0;
    for (size_t i = 0; i < SAMPLED_PAGES; i++) {
        pages[i] = (char *)start + bytes / SAMPLED_PAGES * i;
        *(volatile char *)pages[i]; /* the kernel names no node of a page that NUMA balancing has hidden */
    }
    if (syscall(SYS_move_pages, 0, (unsigned long)SAMPLED_PAGES, pages, NULL, status, 0))
        return -1;
    for (int i = 0; i < SAMPLED_PAGES; i++)
        count += status[i] >= 0 && status[i] != node;
    return count;
}

/* Bytes on huge pages of the mapping that holds that address, proc_pid_smaps(5). */
static inline size_t bytes_on_huge_pages(const void *address)
{
    char line[512];
    unsigned long start, end, found = 0;
    size_t kilobytes = 0;
    FILE *file = fopen("/proc/self/smaps", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
            found = (uintptr_t)address >= start && (uintptr_t)address < end;
        else if (found && sscanf(line, "AnonHugePages: %zu", &kilobytes) == 1)
            break;
    }
    if (file != NULL)
        fclose(file);
    return kilobytes << 10;
}

static inline double huge_share(const void *start, size_t bytes)
{
    return (double)bytes_on_huge_pages(start) / (double)whole_huge_pages(bytes);
}

static inline int in_order(const void *one, const void *other)
{
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

/* Sorts the values. */
static inline double median(double *values, long count)
{
    qsort(values, (size_t)count, sizeof *values, in_order);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* What stands at that position of that message. */
static inline uint64_t word_of(long message, long position)
{
    return ((uint64_t)message << 40) ^ (uint64_t)position * 0x9e3779b97f4a7c15u;
}

static inline void write_words(uint64_t *words, long count, long message)
{
    for (long i = 0; i < count; i++)
        words[i] = word_of(message, i);
}

static inline long wrong_words(const uint64_t *words, long count, long message)
{
    long wrong = 0;
    for (long i = 0; i < count; i++)
        wrong += words[i] != word_of(message, i);
    return wrong;
}

#endif
