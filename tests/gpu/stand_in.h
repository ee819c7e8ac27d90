/* A GPU of one processor that is the host itself: enough of the runtime for benchmarks/src/gpu.cu, to try the program without a
 * GPU. A block's threads are threads of the host, which meet at a barrier; blocks run one after another.
 */
#pragma once
#include <barrier>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#define GPU_STAND_IN
#define GPU(name) standin##name
#define LAUNCH(kernel, blocks, threads, ...) standin_launch(blocks, threads, [&] { kernel(__VA_ARGS__); })
#define __global__ static
#define __shared__ static
#define PROCESSORS 0
#define MEMORY_CLOCK 1
#define BUS_WIDTH 2

struct standin_place {
    unsigned x;
};

enum standinError_t { standinSuccess, standinFailure };
enum standinMemcpyKind { standinMemcpyHostToDevice, standinMemcpyDeviceToHost };
enum { standinHostRegisterDefault };
typedef int attribute_t;
struct properties_t {
    char name[64];
    size_t totalGlobalMem;
};

static thread_local standin_place threadIdx;
static standin_place blockIdx, blockDim, gridDim;
static std::unique_ptr<std::barrier<>> standin_meeting;

template <typename Body> static void standin_launch(int blocks, int threads, Body body)
{
    gridDim.x = (unsigned)blocks, blockDim.x = (unsigned)threads;
    for (int block = 0; block < blocks; block++) {
        blockIdx.x = (unsigned)block;
        standin_meeting = std::make_unique<std::barrier<>>(threads);
        std::vector<std::jthread> all;
        for (int thread = 0; thread < threads; thread++)
            all.emplace_back([&body, thread] {
                threadIdx.x = (unsigned)thread;
                body();
            });
    }
}

static inline void __syncthreads() { standin_meeting->arrive_and_wait(); }
static inline void atomicAdd(unsigned *sum, unsigned more) { __atomic_fetch_add(sum, more, __ATOMIC_RELAXED); }
static inline const char *standinGetErrorString(standinError_t) { return "the stand-in failed"; }
static inline standinError_t standinGetLastError() { return standinSuccess; }
static inline standinError_t standinDeviceSynchronize() { return standinSuccess; }
static inline standinError_t standinSetDevice(int device) { return device == 0 ? standinSuccess : standinFailure; }
static inline standinError_t standinHostRegister(void *, size_t, int) { return standinSuccess; }
static inline standinError_t standinHostUnregister(void *) { return standinSuccess; }

static inline standinError_t standinGetDeviceCount(int *count)
{
    *count = 1;
    return standinSuccess;
}

static inline standinError_t standinGetDeviceProperties(properties_t *found, int)
{
    *found = {"stand-in", 1 << 30};
    return standinSuccess;
}

static inline standinError_t standinDeviceGetPCIBusId(char *text, int, int)
{
    strcpy(text, "0000:01:00.0");
    return standinSuccess;
}

static inline standinError_t standinDeviceGetAttribute(int *value, attribute_t which, int)
{
    *value = which == PROCESSORS ? 1 : which == MEMORY_CLOCK ? 1000000 : 64;
    return standinSuccess;
}

static inline standinError_t standinMalloc(void **memory, size_t bytes)
{
    *memory = malloc(bytes);
    return *memory ? standinSuccess : standinFailure;
}

static inline standinError_t standinFree(void *memory)
{
    free(memory);
    return standinSuccess;
}

static inline standinError_t standinMemset(void *memory, int value, size_t bytes)
{
    memset(memory, value, bytes);
    return standinSuccess;
}

static inline standinError_t standinMemcpy(void *to, const void *from, size_t bytes, standinMemcpyKind)
{
    memcpy(to, from, bytes);
    return standinSuccess;
}
