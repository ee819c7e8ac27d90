/* One GPU: bandwidth of its memory, a matrix product, copies to and from memory of the host, and how long an empty kernel takes.
 *
 * gpu                              prints a JSON object for each GPU that the driver shows, in one line each.
 * gpu DEVICE BYTES ORDER REPEATS NODE:CPU,…   measures one, and prints one JSON object: the best of REPEATS in seconds, copies
 *                                  for each NUMA node of the host, whose CPU does them and touches the pages first.
 * Exits 3 when a result is not what the same arithmetic gives on the host.
 *
 * Compiles as CUDA (nvcc), as HIP (hipcc) and with a stand-in for both that has the same names.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(GPU_STAND_IN)
#elif defined(__HIP__) || defined(__HIPCC__)
#include <hip/hip_runtime.h>
#define GPU(name) hip##name
typedef hipDeviceAttribute_t attribute_t;
typedef hipDeviceProp_t properties_t;
#define PROCESSORS hipDeviceAttributeMultiprocessorCount
#define MEMORY_CLOCK hipDeviceAttributeMemoryClockRate
#define BUS_WIDTH hipDeviceAttributeMemoryBusWidth
#else
#include <cuda_runtime.h>
#define GPU(name) cuda##name
typedef cudaDeviceAttr attribute_t;
typedef cudaDeviceProp properties_t;
#define PROCESSORS cudaDevAttrMultiProcessorCount
#define MEMORY_CLOCK cudaDevAttrMemoryClockRate
#define BUS_WIDTH cudaDevAttrGlobalMemoryBusWidth
#endif

#ifndef LAUNCH
#define LAUNCH(kernel, blocks, threads, ...) kernel<<<blocks, threads>>>(__VA_ARGS__)
#endif
#define CHECK(call) check(call, #call)

enum { THREADS = 256, TILE = 64, STEP = 16, PER_THREAD = 4, SIDE = TILE / PER_THREAD, LAUNCHES = 200, WRONG = 3 };

static void check(GPU(Error_t) code, const char *call)
{
    if (code != GPU(Success)) {
        fprintf(stderr, "%s: %s\n", GPU(GetErrorString)(code), call);
        exit(1);
    }
}

static void wrong(const char *what, double found)
{
    fprintf(stderr, "%s is off by %g\n", what, found);
    exit(WRONG);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static double least(double one, double other)
{
    return one < other ? one : other;
}

__global__ void nothing(void) {}

__global__ void set(double *a, double *b, double *c, long n)
{
    for (long i = blockIdx.x * (long)blockDim.x + threadIdx.x; i < n; i += (long)gridDim.x * blockDim.x) {
        a[i] = 0.0;
        b[i] = (double)(i % 1021);
        c[i] = (double)(i % 509);
    }
}

__global__ void triad(double *a, const double *b, const double *c, long n)
{
    for (long i = blockIdx.x * (long)blockDim.x + threadIdx.x; i < n; i += (long)gridDim.x * blockDim.x)
        a[i] = b[i] + 3.0 * c[i];
}

/* All numbers are whole and small, so the sum is exact: any other one is an error. */
__global__ void count_wrong(const double *a, long n, unsigned *errors)
{
    for (long i = blockIdx.x * (long)blockDim.x + threadIdx.x; i < n; i += (long)gridDim.x * blockDim.x)
        if (a[i] != (double)(i % 1021 + 3 * (i % 509)))
            atomicAdd(errors, 1u);
}

/* C = A·B, row-major, `order` a multiple of TILE: a block makes TILE × TILE elements, a thread PER_THREAD × PER_THREAD of them. */
__global__ void product(const double *a, const double *b, double *c, int order)
{
    __shared__ double left[TILE][STEP + 1], right[STEP][TILE];
    const int row = (int)(threadIdx.x / SIDE), column = (int)(threadIdx.x % SIDE);
    const int tiles = order / TILE, top = (int)blockIdx.x / tiles * TILE, start = (int)blockIdx.x % tiles * TILE;
    double sum[PER_THREAD][PER_THREAD] = {};
    for (int k = 0; k < order; k += STEP) {
        for (int i = (int)threadIdx.x; i < TILE * STEP; i += THREADS) {
            left[i / STEP][i % STEP] = a[(long)(top + i / STEP) * order + k + i % STEP];
            right[i / TILE][i % TILE] = b[(long)(k + i / TILE) * order + start + i % TILE];
        }
        __syncthreads();
        for (int s = 0; s < STEP; s++)
            for (int i = 0; i < PER_THREAD; i++)
                for (int j = 0; j < PER_THREAD; j++)
                    sum[i][j] += left[row + i * SIDE][s] * right[s][column + j * SIDE];
        __syncthreads();
    }
    for (int i = 0; i < PER_THREAD; i++)
        for (int j = 0; j < PER_THREAD; j++)
            c[(long)(top + row + i * SIDE) * order + start + column + j * SIDE] = sum[i][j];
}

static int attribute(attribute_t which, int device)
{
    int value = 0;
    CHECK(GPU(DeviceGetAttribute)(&value, which, device));
    return value;
}

static void *on_device(size_t bytes)
{
    void *memory = NULL;
    CHECK(GPU(Malloc)(&memory, bytes));
    return memory;
}

static double launches(void)
{
    double best = 1e9;
    for (int i = 0; i < LAUNCHES; i++) {
        double start = now();
        LAUNCH(nothing, 1, 1);
        CHECK(GPU(DeviceSynchronize)());
        if (i >= LAUNCHES / 10)
            best = least(best, now() - start);
    }
    CHECK(GPU(GetLastError)());
    return best;
}

static double memory(int blocks, size_t bytes, int repeats)
{
    long n = (long)(bytes / sizeof(double));
    double *a = (double *)on_device(bytes), *b = (double *)on_device(bytes), *c = (double *)on_device(bytes), best = 1e9;
    unsigned *errors = (unsigned *)on_device(sizeof *errors), found = 0;
    LAUNCH(set, blocks, THREADS, a, b, c, n);
    for (int r = 0; r < repeats + 1; r++) {
        CHECK(GPU(DeviceSynchronize)());
        double start = now();
        LAUNCH(triad, blocks, THREADS, a, b, c, n);
        CHECK(GPU(DeviceSynchronize)());
        if (r > 0)
            best = least(best, now() - start);
    }
    CHECK(GPU(Memset)(errors, 0, sizeof *errors));
    LAUNCH(count_wrong, blocks, THREADS, a, n, errors);
    CHECK(GPU(Memcpy)(&found, errors, sizeof found, GPU(MemcpyDeviceToHost)));
    if (found)
        wrong("the number of right elements after the triad", found);
    CHECK(GPU(Free)(a)), CHECK(GPU(Free)(b)), CHECK(GPU(Free)(c)), CHECK(GPU(Free)(errors));
    return best;
}

static double *on_host(long count)
{
    double *values = (double *)malloc(sizeof(double) * (size_t)count);
    if (values == NULL) {
        fprintf(stderr, "no memory for %ld numbers; take a smaller size\n", count);
        exit(1);
    }
    return values;
}

static double *drawn(long count, unsigned long long seed)
{
    double *values = on_host(count);
    for (long i = 0; i < count; i++) {
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        values[i] = (double)(seed >> 33) / 2147483648.0 - 0.5;
    }
    return values;
}

static void apply(const double *matrix, const double *x, double *result, int order)
{
    for (int i = 0; i < order; i++) {
        result[i] = 0;
        for (int j = 0; j < order; j++)
            result[i] += matrix[(long)i * order + j] * x[j];
    }
}

/* |C·x − A·(B·x)|, largest element: rounding alone leaves far less than 1e-9 of numbers below one half. */
static void check_product(const double *a, const double *b, const double *c, int order)
{
    double *x = drawn(order, 3), *inner = on_host(order), *wanted = on_host(order), *found = on_host(order), worst = 0;
    apply(b, x, inner, order);
    apply(a, inner, wanted, order);
    apply(c, x, found, order);
    for (int i = 0; i < order; i++) {
        double off = found[i] > wanted[i] ? found[i] - wanted[i] : wanted[i] - found[i];
        worst = off <= worst ? worst : off > worst ? off : 1e300;
    }
    if (!(worst <= 1e-9 * order))
        wrong("the product of the matrices", worst);
    free(x), free(inner), free(wanted), free(found);
}

static double multiply(int order, int repeats)
{
    size_t bytes = sizeof(double) * (size_t)order * (size_t)order;
    double *a = drawn((long)order * order, 1), *b = drawn((long)order * order, 2), *c = on_host((long)order * order);
    double *left = (double *)on_device(bytes), *right = (double *)on_device(bytes), *result = (double *)on_device(bytes);
    double best = 1e9;
    CHECK(GPU(Memcpy)(left, a, bytes, GPU(MemcpyHostToDevice)));
    CHECK(GPU(Memcpy)(right, b, bytes, GPU(MemcpyHostToDevice)));
    for (int r = 0; r < repeats + 1; r++) {
        CHECK(GPU(DeviceSynchronize)());
        double start = now();
        LAUNCH(product, (order / TILE) * (order / TILE), THREADS, left, right, result, order);
        CHECK(GPU(DeviceSynchronize)());
        if (r > 0)
            best = least(best, now() - start);
    }
    CHECK(GPU(GetLastError)());
    CHECK(GPU(Memcpy)(c, result, bytes, GPU(MemcpyDeviceToHost)));
    check_product(a, b, c, order);
    CHECK(GPU(Free)(left)), CHECK(GPU(Free)(right)), CHECK(GPU(Free)(result));
    free(a), free(b), free(c);
    return best;
}

static void run_on(int cpu)
{
    cpu_set_t mask;
    CPU_ZERO(&mask);
    CPU_SET(cpu, &mask);
    if (sched_setaffinity(0, sizeof mask, &mask)) {
        fprintf(stderr, "cannot run on cpu %d: %s\n", cpu, strerror(errno));
        exit(1);
    }
}

static double copied(void *to, const void *from, size_t bytes, GPU(MemcpyKind) way, int repeats)
{
    double best = 1e9;
    for (int r = 0; r < repeats + 1; r++) {
        double start = now();
        CHECK(GPU(Memcpy)(to, from, bytes, way));
        if (r > 0)
            best = least(best, now() - start);
    }
    return best;
}

/* From pages that this cpu touched first, and back into others. */
static void copies(int node, int cpu, size_t bytes, int repeats)
{
    run_on(cpu);
    size_t words = bytes / sizeof(unsigned);
    unsigned *out = (unsigned *)aligned_alloc(4096, bytes), *back = (unsigned *)aligned_alloc(4096, bytes);
    if (out == NULL || back == NULL) {
        fprintf(stderr, "no memory of the host for %zu bytes\n", bytes);
        exit(1);
    }
    for (size_t i = 0; i < words; i++)
        out[i] = (unsigned)i * 2654435761u, back[i] = 0;
    CHECK(GPU(HostRegister)(out, bytes, GPU(HostRegisterDefault)));
    CHECK(GPU(HostRegister)(back, bytes, GPU(HostRegisterDefault)));
    void *there = on_device(bytes);
    double to = copied(there, out, bytes, GPU(MemcpyHostToDevice), repeats);
    double from = copied(back, there, bytes, GPU(MemcpyDeviceToHost), repeats);
    if (memcmp(out, back, bytes))
        wrong("the copy to the GPU and back", 1);
    printf("\"to_%d\": %.9g, \"from_%d\": %.9g, ", node, to, node, from);
    CHECK(GPU(Free)(there));
    CHECK(GPU(HostUnregister)(out)), CHECK(GPU(HostUnregister)(back));
    free(out), free(back);
}

static void copies_of_all(char *nodes, size_t bytes, int repeats)
{
    for (char *word = strtok(nodes, ","); word != NULL; word = strtok(NULL, ",")) {
        int node, cpu;
        if (sscanf(word, "%d:%d", &node, &cpu) != 2) {
            fprintf(stderr, "%s is not NODE:CPU\n", word);
            exit(2);
        }
        copies(node, cpu, bytes, repeats);
    }
}

static void describe(void)
{
    int count = 0;
    CHECK(GPU(GetDeviceCount)(&count));
    for (int device = 0; device < count; device++) {
        char bus[32] = "";
        properties_t found;
        CHECK(GPU(GetDeviceProperties)(&found, device));
        CHECK(GPU(DeviceGetPCIBusId)(bus, sizeof bus, device));
        double clock = attribute(MEMORY_CLOCK, device) * 1e3, width = attribute(BUS_WIDTH, device) / 8.0;
        printf("{\"name\": \"%s\", \"pci\": \"%s\", \"memory\": %zu, \"clock\": %.9g, \"width\": %.9g}\n", found.name, bus,
               found.totalGlobalMem, clock, width);
    }
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
    if (count == 1)
        return describe(), 0;
    if (count != 6) {
        fprintf(stderr, "usage: gpu [DEVICE BYTES ORDER REPEATS NODE:CPU,...]\n");
        return 2;
    }
    int device = (int)bounded(argument[1], 0, 1023), repeats = (int)bounded(argument[4], 1, 1000);
    size_t bytes = (size_t)bounded(argument[2], 4096, 1L << 36) / 4096 * 4096;
    int order = (int)bounded(argument[3], TILE, 32768) / TILE * TILE;
    CHECK(GPU(SetDevice)(device));
    int blocks = attribute(PROCESSORS, device) * 16;
    printf("{");
    copies_of_all(argument[5], bytes, repeats);
    printf("\"launch\": %.9g, \"triad\": %.9g, ", launches(), memory(blocks, bytes, repeats));
    printf("\"product\": %.9g}\n", multiply(order, repeats));
    return 0;
}
