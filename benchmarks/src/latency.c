/* Latency of dependent loads: a chase of pointers through all lines of a working set in random order, one load a line.
 *
 * latency CPU NODE small|huge LOG2_LINES LINE_BYTES BLOCKS prints the median nanoseconds of a hop over the blocks of 65,536
 * hops (0 without any), and the share of the set on huge pages. NODE -1: memory as the kernel gives it.
 *
 * That the chase is one cycle over all lines: their number is a power of two, so a chase that is back after that many hops,
 * and was not after half of them, has seen each line once.
 */
#include "bench.h"

enum { HOPS = 65536 };

struct set {
    char *start;
    long lines;
    size_t line;
    uint64_t chance;
};

/* Marsaglia's xorshift, 2003; below `bound` by the high half of a product (Lemire, 2019). */
static long drawn(uint64_t *state, long bound)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (long)((unsigned __int128)*state * (uint64_t)bound >> 64);
}

static void shuffle(uint32_t *order, long count, uint64_t *chance)
{
    for (long i = 0; i < count; i++)
        order[i] = (uint32_t)i;
    for (long i = count - 1; i > 0; i--) {
        long other = drawn(chance, i + 1);
        uint32_t kept = order[i];
        order[i] = order[other];
        order[other] = kept;
    }
}

static void **line_at(const struct set *set, long number)
{
    return (void **)(set->start + (size_t)number * set->line);
}

static void link_lines(struct set *set)
{
    uint32_t *order = reserve((size_t)set->lines * sizeof *order, SMALL_PAGES);
    shuffle(order, set->lines, &set->chance);
    for (long i = 0; i < set->lines; i++)
        *line_at(set, order[i]) = line_at(set, order[(i + 1) % set->lines]);
}

static void *walk(void *at, long hops)
{
    for (long i = 0; i < hops; i++)
        at = *(void **)at;
    /* Whoever reads `at` must wait for it. */
    __asm__ volatile("" : "+r"(at));
    return at;
}

static void check(const struct set *set, const void *at, long hops)
{
    long part = hops % set->lines;
    int back = at == (void *)set->start;
    if ((part == 0 && !back) || (part == set->lines / 2 && back))
        quit(WRONG_RESULT, "the chase does not visit each of %ld lines once", set->lines);
}

/* A set smaller than a block is walked once beforehand; a larger one is checked from block to block. */
static void prove(const struct set *set)
{
    void *at = walk(set->start, set->lines / 2);
    check(set, at, set->lines / 2);
    check(set, walk(at, set->lines / 2), set->lines);
}

static void time_blocks(const struct set *set, long blocks, double *each)
{
    void *at = set->start;
    for (long block = 0; block < blocks; block++) {
        uint64_t start = nanoseconds();
        at = walk(at, HOPS);
        each[block] = (double)(nanoseconds() - start) / HOPS;
        check(set, at, (block + 1) * HOPS);
    }
}

static long enough(const struct set *set, long blocks)
{
    long once = set->lines / HOPS;
    return blocks > once ? blocks : once;
}

static double measure(const struct set *set, long blocks)
{
    double *each = allocate((size_t)blocks * sizeof *each);
    if (set->lines <= HOPS)
        prove(set);
    time_blocks(set, blocks, each);
    double ns = median(each, blocks);
    free(each);
    return ns;
}

int main(int count, char **argument)
{
    if (count != 7)
        quit(CALLED_WRONGLY, "usage: latency CPU NODE small|huge LOG2_LINES LINE_BYTES BLOCKS");
    int cpu = (int)bounded(argument[1], 0, 65535), node = (int)bounded(argument[2], ANY_NODE, MOST_NODES - 1);
    long lines = 1L << bounded(argument[4], 4, 31), blocks = bounded(argument[6], 0, 1L << 20);
    struct set set = {.lines = lines, .line = (size_t)bounded(argument[5], 16, 4096), .chance = 20140713};
    size_t bytes = (size_t)lines * set.line;
    pin(cpu);
    set.start = reserve(bytes, strcmp(argument[3], "huge") ? SMALL_PAGES : HUGE_PAGES);
    place(set.start, bytes, node);
    link_lines(&set);
    double ns = blocks ? measure(&set, enough(&set, blocks)) : 0.0;
    printf("{\"ns\": %.9g, \"huge_share\": %.4f}\n", ns, huge_share(set.start, bytes));
    return 0;
}
