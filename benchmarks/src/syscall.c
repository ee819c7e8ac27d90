/* The kernel's own speed: how long its most frequent services take.
 *
 * syscall getpid ROUNDS CPU              a call that does nothing
 * syscall page_fault ROUNDS CPU          mmap(2), touch and munmap(2) of a page, of 1,024 at a time
 * syscall futex ROUNDS CPU OTHER_CPU     a wake-up of a sleeping thread on another core and back: half a round trip
 * syscall context_switch ROUNDS CPU      a byte through a pipe to another process on the same core and back: half a round trip
 * syscall spawn ROUNDS CPU PROGRAM       posix_spawn(3) of a program that exits with 7, and waitpid(2)
 *
 * Each prints the median over ROUNDS of the mean nanoseconds of one, a round being some hundred of them (spawn: ten).
 */
#include "bench.h"
#include <linux/futex.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { CALLS = 10000, PAGES = 1024, TURNS = 200, STARTS = 10, EXIT_CODE = 7 };

struct task {
    int cpu, other;
    char *program;
};

extern char **environ;

static double of_each(uint64_t start, long count)
{
    return (double)(nanoseconds() - start) / (double)count;
}

static double getpid_round(const struct task *task)
{
    (void)task;
    long sum = 0, own = getpid();
    uint64_t start = nanoseconds();
    for (long i = 0; i < CALLS; i++)
        sum += syscall(SYS_getpid);
    double ns = of_each(start, CALLS);
    if (sum != own * CALLS)
        quit(WRONG_RESULT, "getpid gave another process");
    return ns;
}

static long minor_faults(void)
{
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_minflt;
}

static double page_fault_round(const struct task *task)
{
    (void)task;
    size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = PAGES * page;
    long before = minor_faults();
    uint64_t start = nanoseconds();
    volatile char *block = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED)
        quit(CANNOT_RUN, "cannot map %zu bytes: %m", bytes);
    madvise((void *)block, bytes, MADV_NOHUGEPAGE);
    for (size_t at = 0; at < bytes; at += page)
        block[at] = 1;
    munmap((void *)block, bytes);
    double ns = of_each(start, PAGES);
    if (minor_faults() - before < PAGES)
        quit(WRONG_RESULT, "%d pages were touched with only %ld faults", PAGES, minor_faults() - before);
    return ns;
}

/* Turns: even ones are the first thread's. */
static uint32_t turn;

static void await(uint32_t wanted)
{
    for (uint32_t seen; (seen = __atomic_load_n(&turn, __ATOMIC_ACQUIRE)) != wanted;)
        syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
}

static void pass(uint32_t next)
{
    __atomic_store_n(&turn, next, __ATOMIC_RELEASE);
    syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void *answer(void *task)
{
    pin(((const struct task *)task)->other);
    for (uint32_t i = 1; i < 2 * TURNS; i += 2) {
        await(i);
        pass(i + 1);
    }
    return NULL;
}

static double futex_round(const struct task *task)
{
    pthread_t other;
    turn = 0;
    if (pthread_create(&other, NULL, answer, (void *)task))
        quit(CANNOT_RUN, "cannot start a second thread");
    uint64_t start = 0;
    for (uint32_t i = 0; i < 2 * TURNS; i += 2) {
        await(i);
        start = i == 2 ? nanoseconds() : start;
        pass(i + 1);
    }
    await(2 * TURNS);
    double ns = of_each(start, 2 * (TURNS - 1));
    pthread_join(other, NULL);
    return ns;
}

static void echo(int from, int to)
{
    for (unsigned char token; read(from, &token, 1) == 1;) {
        token++;
        if (write(to, &token, 1) != 1)
            break;
    }
    _exit(0);
}

static void turns(int from, int to)
{
    for (int i = 0; i < TURNS; i++) {
        unsigned char sent = (unsigned char)i, got;
        if (write(to, &sent, 1) != 1 || read(from, &got, 1) != 1)
            quit(CANNOT_RUN, "the other process is gone");
        if (got != (unsigned char)(sent + 1))
            quit(WRONG_RESULT, "sent %d through the pipe and got %d", sent, got);
    }
}

static void end_echo(pid_t child, int to)
{
    int status;
    close(to);
    if (waitpid(child, &status, 0) != child || status)
        quit(WRONG_RESULT, "the other process ended with status %d", status);
}

static double context_switch_round(const struct task *task)
{
    (void)task;
    int there[2], back[2];
    if (pipe(there) || pipe(back))
        quit(CANNOT_RUN, "no pipe: %m");
    pid_t child = fork();
    if (child < 0)
        quit(CANNOT_RUN, "no second process: %m");
    if (child == 0) {
        close(there[1]), close(back[0]);
        echo(there[0], back[1]);
    }
    close(there[0]), close(back[1]);
    turns(back[0], there[1]);
    uint64_t start = nanoseconds();
    turns(back[0], there[1]);
    double ns = of_each(start, 2 * TURNS);
    end_echo(child, there[1]);
    close(back[0]);
    return ns;
}

static void start_once(char *program)
{
    char *arguments[] = {program, NULL};
    pid_t child;
    int status, error = posix_spawn(&child, program, NULL, NULL, arguments, environ);
    if (error)
        quit(CANNOT_RUN, "cannot start %s: %s", program, strerror(error));
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != EXIT_CODE)
        quit(WRONG_RESULT, "%s ended with status %d, expected exit code %d", program, status, EXIT_CODE);
}

static double spawn_round(const struct task *task)
{
    uint64_t start = nanoseconds();
    for (int i = 0; i < STARTS; i++)
        start_once(task->program);
    return of_each(start, STARTS);
}

static const struct service {
    const char *name;
    double (*round)(const struct task *);
    int arguments;
} services[] = {
    {"getpid", getpid_round, 4},
    {"page_fault", page_fault_round, 4},
    {"futex", futex_round, 5},
    {"context_switch", context_switch_round, 4},
    {"spawn", spawn_round, 5},
};

static const struct service *find(const char *name, int arguments)
{
    for (size_t i = 0; i < sizeof services / sizeof *services; i++)
        if (!strcmp(services[i].name, name) && services[i].arguments == arguments)
            return &services[i];
    quit(CALLED_WRONGLY, "no service %s with %d arguments", name, arguments);
}

/* The first round does not count. */
static double measure(const struct service *service, const struct task *task, long rounds)
{
    double *each = allocate((size_t)rounds * sizeof *each);
    service->round(task);
    for (long i = 0; i < rounds; i++)
        each[i] = service->round(task);
    double ns = median(each, rounds);
    free(each);
    return ns;
}

int main(int count, char **argument)
{
    if (count < 4)
        quit(CALLED_WRONGLY, "usage: syscall SERVICE ROUNDS CPU [OTHER_CPU|PROGRAM]");
    const struct service *service = find(argument[1], count);
    struct task task = {.cpu = (int)bounded(argument[3], 0, 65535), .program = count == 5 ? argument[4] : NULL};
    if (service->round == futex_round)
        task.other = (int)bounded(argument[4], 0, 65535);
    pin(task.cpu);
    printf("{\"ns\": %.9g}\n", measure(service, &task, bounded(argument[2], 1, 1000000)));
    return 0;
}
