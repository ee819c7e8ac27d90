/* Metadata: how fast small files are created, looked up and removed.
 *
 * disk FOLDER FILES BATCHES works in that empty folder and prints one JSON object: the median seconds of a batch of FILES
 * creations (with 8 bytes each, closed), stats and unlinks. Exits 3 when a file is not as it was written, or remains.
 *
 * All batches are created before the first file is removed: ext4 does not use an inode again within seconds of its removal
 * (recently_deleted in fs/ext4/ialloc.c), and each creation looks at all such inodes.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { CREATE, STAT, UNLINK, STEPS, WRONG = 3, MOST_BATCHES = 1000 };

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void fail(const char *what, const char *name)
{
    fprintf(stderr, "cannot %s %s: %s\n", what, name, strerror(errno));
    exit(1);
}

static void wrong(const char *name, const char *how)
{
    fprintf(stderr, "%s %s\n", name, how);
    exit(WRONG);
}

static const char *name_of(long file)
{
    static char name[32];
    snprintf(name, sizeof name, "file-%ld", file);
    return name;
}

static void create(int folder, long file)
{
    const char *name = name_of(file);
    int made = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (made < 0)
        fail("create", name);
    if (write(made, &file, sizeof file) != sizeof file || close(made))
        fail("write", name);
}

static void look_up(int folder, long file)
{
    struct stat found;
    const char *name = name_of(file);
    if (fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW))
        fail("stat", name);
    if (!S_ISREG(found.st_mode) || found.st_size != sizeof file)
        wrong(name, "has another size than was written");
}

static void erase(int folder, long file)
{
    const char *name = name_of(file);
    if (unlinkat(folder, name, 0))
        fail("unlink", name);
}

static void read_back(int folder, long file)
{
    long text = -1;
    const char *name = name_of(file);
    int opened = openat(folder, name, O_RDONLY | O_CLOEXEC);
    if (opened < 0)
        fail("open", name);
    if (read(opened, &text, sizeof text) != sizeof text || text != file)
        wrong(name, "holds other bytes than were written");
    close(opened);
}

static void expect(int folder, long wanted)
{
    DIR *listing = fdopendir(openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    long found = 0;
    if (listing == NULL)
        fail("list", "the folder");
    for (struct dirent *entry; (entry = readdir(listing)) != NULL;)
        found += entry->d_name[0] != '.';
    closedir(listing);
    if (found != wanted)
        wrong("the folder", "holds other files than it should");
}

static void all(void (*step)(int, long), int folder, long files, long batches, double *seconds)
{
    for (long batch = 0; batch < batches; batch++) {
        double start = now();
        for (long file = batch * files; file < (batch + 1) * files; file++)
            step(folder, file);
        seconds[batch] = now() - start;
    }
}

static int by_size(const void *one, const void *other)
{
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

static double median(double *values, long count)
{
    qsort(values, (size_t)count, sizeof *values, by_size);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
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

static void measure(int folder, long files, long batches)
{
    static double taken[STEPS][MOST_BATCHES], unused[MOST_BATCHES];
    expect(folder, 0);
    all(create, folder, files, batches, taken[CREATE]);
    expect(folder, files * batches);
    all(look_up, folder, files, batches, taken[STAT]);
    all(read_back, folder, files, batches, unused);
    all(erase, folder, files, batches, taken[UNLINK]);
    expect(folder, 0);
    printf("{\"create\": %.9g, \"stat\": %.9g, \"unlink\": %.9g}\n", median(taken[CREATE], batches),
           median(taken[STAT], batches), median(taken[UNLINK], batches));
}

int main(int count, char **argument)
{
    if (count != 4) {
        fprintf(stderr, "usage: disk FOLDER FILES BATCHES\n");
        return 2;
    }
    long files = bounded(argument[2], 1, 100000), batches = bounded(argument[3], 1, MOST_BATCHES);
    int folder = open(argument[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        fail("open", argument[1]);
    measure(folder, files, batches);
    return 0;
}
