/* Sustainable memory bandwidth: copy, scale, add and triad as J. D. McCalpin defines them
 * ("Memory Bandwidth and Machine Balance in Current High Performance Computers", IEEE TCCA Newsletter, 1995).
 *
 * stream ELEMENTS REPEATS NODE prints the least seconds of each kernel (the first repeat does not count), the number of threads,
 * the largest relative error of any element against the same arithmetic on scalars, and how many of 192 pages lie on another
 * NUMA node than NODE (-1: the kernel does not say, or NODE is -1).
 */
#include "bench.h"
#include <math.h>

enum { COPY, SCALE, ADD, TRIAD, KERNELS };

struct arrays {
    double *a, *b, *c;
    long n;
};

static const double factor = 3.0, start_a = 1.0, start_b = 2.0;

/* First touch by the thread that will use the page: the same static schedule as in every kernel. */
static void first_touch(double *a, double *b, double *c, long n)
{
#pragma omp parallel for schedule(static)
    for (long i = 0; i < n; i++) {
        a[i] = start_a;
        b[i] = start_b;
        c[i] = 0.0;
    }
}

static void copy(const double *restrict a, double *restrict c, long n)
{
#pragma omp parallel for schedule(static)
    for (long i = 0; i < n; i++)
        c[i] = a[i];
}

static void scale(const double *restrict c, double *restrict b, long n)
{
#pragma omp parallel for schedule(static)
    for (long i = 0; i < n; i++)
        b[i] = factor * c[i];
}

static void add(const double *restrict a, const double *restrict b, double *restrict c, long n)
{
#pragma omp parallel for schedule(static)
    for (long i = 0; i < n; i++)
        c[i] = a[i] + b[i];
}

static void triad(const double *restrict b, const double *restrict c, double *restrict a, long n)
{
#pragma omp parallel for schedule(static)
    for (long i = 0; i < n; i++)
        a[i] = b[i] + factor * c[i];
}

static void repeat(const struct arrays *all, double took[KERNELS])
{
    double mark[KERNELS + 1];
    mark[COPY] = seconds();
    copy(all->a, all->c, all->n);
    mark[SCALE] = seconds();
    scale(all->c, all->b, all->n);
    mark[ADD] = seconds();
    add(all->a, all->b, all->c, all->n);
    mark[TRIAD] = seconds();
    triad(all->b, all->c, all->a, all->n);
    mark[KERNELS] = seconds();
    for (int k = 0; k < KERNELS; k++)
        took[k] = mark[k + 1] - mark[k];
}

static void least(const struct arrays *all, long repeats, double best[KERNELS])
{
    double took[KERNELS];
    for (long r = 0; r < repeats; r++) {
        repeat(all, took);
        for (int k = 0; k < KERNELS; k++)
            best[k] = r > 0 && took[k] < best[k] ? took[k] : best[k];
    }
}

static double worst_error(const double *array, long n, double expected)
{
    double worst = 0.0;
#pragma omp parallel for schedule(static) reduction(max : worst)
    for (long i = 0; i < n; i++) {
        double error = fabs(array[i] - expected) / fabs(expected);
        worst = error <= worst ? worst : isnan(error) ? HUGE_VAL : error;
    }
    return worst;
}

static double verify(const struct arrays *all, long repeats)
{
    double a = start_a, b = start_b, c = 0.0;
    for (long r = 0; r < repeats; r++) {
        c = a;
        b = factor * c;
        c = a + b;
        a = b + factor * c;
    }
    double of_a = worst_error(all->a, all->n, a), of_b = worst_error(all->b, all->n, b), of_c = worst_error(all->c, all->n, c);
    return fmax(of_a, fmax(of_b, of_c));
}

static int misplaced(const struct arrays *all, int node)
{
    size_t bytes = (size_t)all->n * sizeof(double);
    int of_a = strayed(all->a, bytes, node), of_b = strayed(all->b, bytes, node), of_c = strayed(all->c, bytes, node);
    return node == ANY_NODE || of_a < 0 || of_b < 0 || of_c < 0 ? -1 : of_a + of_b + of_c;
}

static double *array(long n)
{
    return reserve((size_t)n * sizeof(double), AS_THE_SYSTEM_GIVES);
}

int main(int count, char **argument)
{
    if (count != 4)
        quit(CALLED_WRONGLY, "usage: stream ELEMENTS REPEATS NODE");
    /* 15^200 is still a double. */
    long n = bounded(argument[1], 1000, 1L << 40), repeats = bounded(argument[2], 2, 200);
    int node = (int)bounded(argument[3], ANY_NODE, MOST_NODES - 1);
    struct arrays all = {array(n), array(n), array(n), n};
    double best[KERNELS] = {HUGE_VAL, HUGE_VAL, HUGE_VAL, HUGE_VAL};
    first_touch(all.a, all.b, all.c, n);
    least(&all, repeats, best);
    printf("{\"copy\": %.9g, \"scale\": %.9g, \"add\": %.9g, \"triad\": %.9g, ", best[COPY], best[SCALE], best[ADD], best[TRIAD]);
    printf("\"threads\": %d, \"error\": %.9g, \"misplaced\": %d}\n", threads(), verify(&all, repeats), misplaced(&all, node));
    return 0;
}
