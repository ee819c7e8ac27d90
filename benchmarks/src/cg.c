/* Conjugate gradients on the problem of HPCG (Dongarra, Heroux, Luszczek, "HPCG Benchmark", 2015): a stencil of 27 points on
 * a cube of EDGE^3 rows, 26 on the diagonal and -1 beside it, in compressed rows; the solution is 1 everywhere.
 *
 * The preconditioner is one symmetric sweep of Gauss-Seidel within the rows of each thread, from zero (block Jacobi), where
 * HPCG has several grids: these figures are no HPCG rating.
 *
 * cg EDGE ITERATIONS DIGITS solves until the residual has fallen by 10^-DIGITS or ITERATIONS are over, and prints the seconds,
 * the operations as HPCG counts them, the iterations, both residuals relative to the first one (as the recurrence has it, and
 * b - Ax), the largest error of x, and the number of threads. Sums are made in the order of threads, so that a run can be
 * repeated bit by bit.
 */
#include "bench.h"
#include <math.h>

enum { POINTS = 27, APART = 16, MOST_THREADS = 8192 };

/* Row i: entries row[i] to row[i+1], columns ascending; those of its thread's rows begin `skip` later and are `own`. */
struct matrix {
    long edge, rows, *row;
    int32_t *column;
    double *value;
    unsigned char *skip, *own;
};

struct vectors {
    double *b, *x, *r, *z, *p, *ap;
};

struct range {
    long first, end;
};

struct outcome {
    double seconds, operations, recurred;
    long iterations;
};

static double partial[MOST_THREADS * APART];

static struct range mine(long rows)
{
    int me = omp_get_thread_num(), threads = omp_get_num_threads();
    return (struct range){rows * me / threads, rows * (me + 1) / threads};
}

static long low(long at)
{
    return at > 0 ? at - 1 : 0;
}

static long high(long at, long edge)
{
    return at + 1 < edge ? at + 1 : edge - 1;
}

static long neighbours(long row, long edge)
{
    long count = 1, at[3] = {row % edge, row / edge % edge, row / edge / edge};
    for (int axis = 0; axis < 3; axis++)
        count *= high(at[axis], edge) - low(at[axis]) + 1;
    return count;
}

static void put_row(struct matrix *a, long row, struct range own)
{
    long edge = a->edge, x = row % edge, y = row / edge % edge, z = row / edge / edge, at = a->row[row];
    a->skip[row] = a->own[row] = 0;
    for (long k = low(z); k <= high(z, edge); k++)
        for (long j = low(y); j <= high(y, edge); j++)
            for (long i = low(x); i <= high(x, edge); i++, at++) {
                long column = (k * edge + j) * edge + i;
                a->column[at] = (int32_t)column;
                a->value[at] = column == row ? 26.0 : -1.0;
                a->skip[row] += column < own.first;
                a->own[row] += column >= own.first && column < own.end;
            }
}

/* Each page is touched first by the thread that will use it, but for those where two threads meet. */
static void count_entries(struct matrix *a)
{
#pragma omp parallel
    for (struct range own = mine(a->rows); own.first < own.end; own.first++)
        a->row[own.first + 1] = neighbours(own.first, a->edge);
    a->row[0] = 0;
    for (long i = 0; i < a->rows; i++)
        a->row[i + 1] += a->row[i];
}

static void fill(struct matrix *a, struct vectors *v)
{
#pragma omp parallel
    {
        struct range own = mine(a->rows);
        for (long i = own.first; i < own.end; i++) {
            put_row(a, i, own);
            v->b[i] = 27.0 - (double)(a->row[i + 1] - a->row[i]);
            v->x[i] = v->r[i] = v->z[i] = v->p[i] = v->ap[i] = 0.0;
        }
    }
}

static double sum_of_partials(int threads)
{
    double sum = 0.0;
    for (int t = 0; t < threads; t++)
        sum += partial[t * APART];
    return sum;
}

static double dot(const double *one, const double *other, long rows)
{
    int threads = 1;
#pragma omp parallel
    {
        struct range own = mine(rows);
        double sum = 0.0;
        for (long i = own.first; i < own.end; i++)
            sum += one[i] * other[i];
        partial[omp_get_thread_num() * APART] = sum;
#pragma omp single nowait
        threads = omp_get_num_threads();
    }
    return sum_of_partials(threads);
}

/* to = one + factor * other */
static void combine(double *to, const double *one, double factor, const double *other, long rows)
{
#pragma omp parallel
    {
        struct range own = mine(rows);
        for (long i = own.first; i < own.end; i++)
            to[i] = one[i] + factor * other[i];
    }
}

static double row_times(const struct matrix *a, long first, long count, const double *x)
{
    double sum = 0.0;
    for (long at = first; at < first + count; at++)
        sum += a->value[at] * x[a->column[at]];
    return sum;
}

static void multiply(const struct matrix *a, const double *x, double *to)
{
#pragma omp parallel
    {
        struct range own = mine(a->rows);
        for (long i = own.first; i < own.end; i++)
            to[i] = row_times(a, a->row[i], a->row[i + 1] - a->row[i], x);
    }
}

static void relax(const struct matrix *a, const double *r, double *z, long i)
{
    const double diagonal = 26.0;
    double rest = r[i] - row_times(a, a->row[i] + a->skip[i], a->own[i], z);
    z[i] += rest / diagonal;
}

static void precondition(const struct matrix *a, const double *r, double *z)
{
#pragma omp parallel
    {
        struct range own = mine(a->rows);
        memset(z + own.first, 0, (size_t)(own.end - own.first) * sizeof *z);
        for (long i = own.first; i < own.end; i++)
            relax(a, r, z, i);
        for (long i = own.end; i-- > own.first;)
            relax(a, r, z, i);
    }
}

static double own_entries(const struct matrix *a)
{
    double count = 0.0;
    for (long i = 0; i < a->rows; i++)
        count += a->own[i];
    return count;
}

/* HPCG's count: 2 for an entry of a product, 4 for one that a sweep uses, 2 for a row of three sums and three updates. */
static double operations(const struct matrix *a, long iterations)
{
    double entries = (double)a->row[a->rows], rows = (double)a->rows, each = 2.0 * entries + 4.0 * own_entries(a) + 12.0 * rows;
    return (double)iterations * each + 2.0 * entries + 4.0 * rows;
}

/* Returns the norm of the new residual. `rz` holds r·z of the iteration before, 0 in the first. */
static double iterate(const struct matrix *a, struct vectors *v, double *rz)
{
    precondition(a, v->r, v->z);
    double before = *rz;
    *rz = dot(v->r, v->z, a->rows);
    combine(v->p, v->z, before != 0.0 ? *rz / before : 0.0, v->p, a->rows);
    multiply(a, v->p, v->ap);
    double step = *rz / dot(v->p, v->ap, a->rows);
    combine(v->x, v->x, step, v->p, a->rows);
    combine(v->r, v->r, -step, v->ap, a->rows);
    return sqrt(dot(v->r, v->r, a->rows));
}

static double residual(const struct matrix *a, struct vectors *v, double *to)
{
    multiply(a, v->x, v->ap);
    combine(to, v->b, -1.0, v->ap, a->rows);
    return sqrt(dot(to, to, a->rows));
}

static struct outcome solve(const struct matrix *a, struct vectors *v, long most, double tolerance)
{
    struct outcome found = {.iterations = 0};
    double start = seconds(), rz = 0.0, first = residual(a, v, v->r), norm = first;
    while (found.iterations < most && norm > tolerance * first) {
        norm = iterate(a, v, &rz);
        found.iterations++;
    }
    found.seconds = seconds() - start;
    found.recurred = norm / first;
    found.operations = operations(a, found.iterations);
    return found;
}

static double worst_error(const double *x, long rows)
{
    double worst = 0.0;
    for (long i = 0; i < rows; i++)
        worst = fabs(x[i] - 1.0) <= worst ? worst : isnan(x[i]) ? HUGE_VAL : fabs(x[i] - 1.0);
    return worst;
}

static void *numbers(long count, size_t each)
{
    return reserve((size_t)count * each, AS_THE_SYSTEM_GIVES);
}

static struct matrix matrix(long edge)
{
    struct matrix a = {.edge = edge, .rows = edge * edge * edge};
    a.row = numbers(a.rows + 1, sizeof *a.row);
    a.column = numbers(a.rows * POINTS, sizeof *a.column);
    a.value = numbers(a.rows * POINTS, sizeof *a.value);
    a.skip = numbers(a.rows, 1);
    a.own = numbers(a.rows, 1);
    return a;
}

static double *vector(long rows)
{
    return numbers(rows, sizeof(double));
}

int main(int count, char **argument)
{
    if (count != 4)
        quit(CALLED_WRONGLY, "usage: cg EDGE ITERATIONS DIGITS");
    /* Columns are 32 bits wide. */
    long edge = bounded(argument[1], 3, 1290), most = bounded(argument[2], 1, 100000);
    double tolerance = pow(10.0, -(double)bounded(argument[3], 1, 14));
    int used = threads();
    if (used > MOST_THREADS)
        quit(CANNOT_RUN, "%d threads, at most %d", used, MOST_THREADS);
    struct matrix a = matrix(edge);
    struct vectors v = {vector(a.rows), vector(a.rows), vector(a.rows), vector(a.rows), vector(a.rows), vector(a.rows)};
    count_entries(&a);
    fill(&a, &v);
    double first = sqrt(dot(v.b, v.b, a.rows));
    struct outcome found = solve(&a, &v, most, tolerance);
    printf("{\"seconds\": %.9g, \"operations\": %.17g, \"iterations\": %ld, ", found.seconds, found.operations, found.iterations);
    printf("\"recurred\": %.17g, \"true\": %.17g, ", found.recurred, residual(&a, &v, v.z) / first);
    printf("\"error\": %.9g, \"threads\": %d}\n", worst_error(v.x, a.rows), used);
    return 0;
}
