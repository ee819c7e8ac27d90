/* Metadata: how fast small files are created, looked up and removed.
 *
 * disk FOLDER FILES BATCHES works in that empty folder and prints one JSON object: the median seconds of a batch of FILES
 * creations (with 8 bytes each, closed), stats and unlinks. Exits 3 when a file is not as it was written, or remains.
 *
 * All batches are created before the first file is removed: ext4 does not use an inode again within seconds of its removal
 * (recently_deleted in fs/ext4/ialloc.c), and each creation looks at all such inodes.
 */
#include "bench.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

enum { CREATE, STAT, UNLINK, STEPS, MOST_BATCHES = 1000 };

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
        quit(CANNOT_RUN, "cannot create %s: %m", name);
    if (write(made, &file, sizeof file) != sizeof file || close(made))
        quit(CANNOT_RUN, "cannot write %s: %m", name);
}

static void look_up(int folder, long file)
{
    struct stat found;
    const char *name = name_of(file);
    if (fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW))
        quit(CANNOT_RUN, "cannot stat %s: %m", name);
    if (!S_ISREG(found.st_mode) || found.st_size != sizeof file)
        quit(WRONG_RESULT, "%s has another size than was written", name);
}

static void erase(int folder, long file)
{
    const char *name = name_of(file);
    if (unlinkat(folder, name, 0))
        quit(CANNOT_RUN, "cannot unlink %s: %m", name);
}

static void read_back(int folder, long file)
{
    long text = -1;
    const char *name = name_of(file);
    int opened = openat(folder, name, O_RDONLY | O_CLOEXEC);
    if (opened < 0)
        quit(CANNOT_RUN, "cannot open %s: %m", name);
    if (read(opened, &text, sizeof text) != sizeof text || text != file)
        quit(WRONG_RESULT, "%s holds other bytes than were written", name);
    close(opened);
}

static void expect(int folder, long wanted)
{
    DIR *listing = fdopendir(openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    long found = 0;
    if (listing == NULL)
        quit(CANNOT_RUN, "cannot list the folder: %m");
    for (struct dirent *entry; (entry = readdir(listing)) != NULL;)
        found += entry->d_name[0] != '.';
    closedir(listing);
    if (found != wanted)
        quit(WRONG_RESULT, "the folder holds other files than it should");
}

static void all(void (*step)(int, long), int folder, long files, long batches, double *taken)
{
    for (long batch = 0; batch < batches; batch++) {
        double start = seconds();
        for (long file = batch * files; file < (batch + 1) * files; file++)
            step(folder, file);
        taken[batch] = seconds() - start;
    }
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
    if (count != 4)
        quit(CALLED_WRONGLY, "usage: disk FOLDER FILES BATCHES");
    long files = bounded(argument[2], 1, 100000), batches = bounded(argument[3], 1, MOST_BATCHES);
    int folder = open(argument[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        quit(CANNOT_RUN, "cannot open %s: %m", argument[1]);
    measure(folder, files, batches);
    return 0;
}
