/* Sustainable memory bandwidth: copy, scale, add and triad as J. D. McCalpin defines them
 * ("Memory Bandwidth and Machine Balance in Current High Performance Computers", IEEE TCCA Newsletter, 1995).
 *
 * stream ELEMENTS REPEATS prints one JSON object: the least seconds of each kernel (the first repeat does not count),
 * the number of threads, and the largest relative error of any element against the same arithmetic on scalars.
 */
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

enum { COPY, SCALE, ADD, TRIAD, KERNELS };

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

static void repeat(double *a, double *b, double *c, long n, double seconds[KERNELS])
{
    double mark[KERNELS + 1];
    mark[COPY] = omp_get_wtime();
    copy(a, c, n);
    mark[SCALE] = omp_get_wtime();
    scale(c, b, n);
    mark[ADD] = omp_get_wtime();
    add(a, b, c, n);
    mark[TRIAD] = omp_get_wtime();
    triad(b, c, a, n);
    mark[KERNELS] = omp_get_wtime();
    for (int k = 0; k < KERNELS; k++)
        seconds[k] = mark[k + 1] - mark[k];
}

static void keep_least(double best[KERNELS], const double seconds[KERNELS])
{
    for (int k = 0; k < KERNELS; k++)
        if (seconds[k] < best[k])
            best[k] = seconds[k];
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

static double verify(const double *a, const double *b, const double *c, long n, long repeats)
{
    double one_a = start_a, one_b = start_b, one_c = 0.0;
    for (long r = 0; r < repeats; r++) {
        one_c = one_a;
        one_b = factor * one_c;
        one_c = one_a + one_b;
        one_a = one_b + factor * one_c;
    }
    return fmax(worst_error(a, n, one_a), fmax(worst_error(b, n, one_b), worst_error(c, n, one_c)));
}

static double *allocate(long n)
{
    const size_t huge_page = (size_t)2 << 20;
    size_t bytes = ((size_t)n * sizeof(double) + huge_page - 1) / huge_page * huge_page;
    double *array = aligned_alloc(huge_page, bytes);
    if (array == NULL) {
        fprintf(stderr, "no memory for an array of %zu bytes; take a smaller size\n", bytes);
        exit(1);
    }
    return array;
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
    if (count != 3) {
        fprintf(stderr, "usage: stream ELEMENTS REPEATS\n");
        return 2;
    }
    /* 15^200 is still a double. */
    long n = bounded(argument[1], 1000, 1L << 40), repeats = bounded(argument[2], 2, 200);
    double *a = allocate(n), *b = allocate(n), *c = allocate(n);
    double best[KERNELS] = {HUGE_VAL, HUGE_VAL, HUGE_VAL, HUGE_VAL}, seconds[KERNELS];
    first_touch(a, b, c, n);
    for (long r = 0; r < repeats; r++) {
        repeat(a, b, c, n, seconds);
        if (r > 0)
            keep_least(best, seconds);
    }
    printf("{\"copy\": %.9g, \"scale\": %.9g, \"add\": %.9g, \"triad\": %.9g, \"threads\": %d, \"error\": %.9g}\n",
           best[COPY], best[SCALE], best[ADD], best[TRIAD], omp_get_max_threads(), verify(a, b, c, n, repeats));
    free(a), free(b), free(c);
    return 0;
}
