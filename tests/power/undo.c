/* undo.so: see undo.h. It takes the place of the system's calls that LMDB writes with; what it
 * does not follow (truncation, a map to write through) ends the process. */
#include "tests/power/undo.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { FILES_MAX = 8, DESCRIPTORS_MAX = 1024 };

struct file {
    dev_t device;
    ino_t inode;
    int notes;
    pthread_mutex_t lock; /* Held during writes and syncs: no write falls into a sync. */
};

static struct file files[FILES_MAX];
static unsigned file_count;
static struct {
    struct file *file;
    bool durable; /* O_DSYNC, O_SYNC. */
} descriptors[DESCRIPTORS_MAX];
static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;

static void stop(const char *what)
{
    char line[128];
    const int size = snprintf(line, sizeof line, "undo.so: %s: %s\n", what, strerror(errno));
    syscall(SYS_write, STDERR_FILENO, line, (size_t)size);
    abort();
}

static struct file *file_of(int descriptor)
{
    return descriptor >= 0 && descriptor < DESCRIPTORS_MAX ? descriptors[descriptor].file : NULL;
}

/* ---- Notes ---- */

static void append(const struct file *f, const void *data, size_t size)
{
    if (syscall(SYS_write, f->notes, data, size) != (long)size)
        stop("a note cannot be written");
}

static void note_write(const struct file *f, int descriptor, uint64_t offset, uint64_t size)
{
    struct stat status;
    if (fstat(descriptor, &status))
        stop("fstat");
    struct undo_note note = {
        .type = UNDO_WRITE, .offset = offset, .size = size, .file_size = (uint64_t)status.st_size};
    if (offset < note.file_size)
        note.kept = size < note.file_size - offset ? size : note.file_size - offset;
    uint8_t *bytes = malloc(sizeof note + note.kept);
    if (!bytes)
        stop("malloc");
    memcpy(bytes, &note, sizeof note);
    /* Not through the descriptor of the write, which may be for writing only. */
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    const long reading = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (reading < 0 ||
        pread((int)reading, bytes + sizeof note, note.kept, (off_t)offset) != (ssize_t)note.kept)
        stop("what is overwritten cannot be read");
    syscall(SYS_close, reading);
    append(f, bytes, sizeof note + note.kept);
    free(bytes);
}

static void note_settled(const struct file *f, uint64_t offset, uint64_t size)
{
    const struct undo_note note = {.type = UNDO_SETTLED, .offset = offset, .size = size};
    append(f, &note, sizeof note);
}

/* ---- Opening and closing ---- */

static struct file *file_new(const char *path, const struct stat *status)
{
    if (file_count == FILES_MAX)
        stop("too many data files");
    struct file *f = &files[file_count];
    *f = (struct file){.device = status->st_dev, .inode = status->st_ino};
    pthread_mutex_init(&f->lock, NULL);
    char notes[4096];
    snprintf(notes, sizeof notes, "%s" UNDO_SUFFIX, path);
    f->notes = (int)syscall(SYS_openat, AT_FDCWD, notes,
                            O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    if (f->notes < 0)
        stop(notes);
    file_count++;
    return f;
}

static void follow(const char *path, int descriptor, int flags)
{
    const char *slash = strrchr(path, '/');
    struct stat status;
    if ((flags & O_ACCMODE) == O_RDONLY || strcmp(slash ? slash + 1 : path, UNDO_FILE) != 0)
        return;
    if (descriptor >= DESCRIPTORS_MAX || fstat(descriptor, &status))
        stop(path);
    pthread_mutex_lock(&opening);
    struct file *f = NULL;
    for (unsigned k = 0; k < file_count; k++)
        if (files[k].device == status.st_dev && files[k].inode == status.st_ino)
            f = &files[k];
    descriptors[descriptor].file = f ? f : file_new(path, &status);
    descriptors[descriptor].durable = (flags & O_DSYNC) != 0; /* O_SYNC holds its bit. */
    pthread_mutex_unlock(&opening);
}

int open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    const int descriptor = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    if (descriptor >= 0)
        follow(path, descriptor, flags);
    return descriptor;
}

int close(int descriptor)
{
    if (file_of(descriptor))
        descriptors[descriptor].file = NULL;
    return (int)syscall(SYS_close, descriptor);
}

/* ---- Writing ---- */

struct writing {
    struct file *file;
    int descriptor;
    uint64_t offset;
};

static void begin(struct writing *w, uint64_t size)
{
    pthread_mutex_lock(&w->file->lock);
    note_write(w->file, w->descriptor, w->offset, size);
}

static ssize_t end(struct writing *w, long written)
{
    const int error = errno;
    if (written > 0 && descriptors[w->descriptor].durable)
        note_settled(w->file, w->offset, (uint64_t)written);
    pthread_mutex_unlock(&w->file->lock);
    errno = error;
    return written;
}

static uint64_t position(int descriptor) { return (uint64_t)lseek(descriptor, 0, SEEK_CUR); }

ssize_t pwrite(int descriptor, const void *data, size_t size, off_t offset)
{
    struct writing w = {file_of(descriptor), descriptor, (uint64_t)offset};
    if (!w.file)
        return syscall(SYS_pwrite64, descriptor, data, size, offset);
    begin(&w, size);
    return end(&w, syscall(SYS_pwrite64, descriptor, data, size, offset));
}

ssize_t write(int descriptor, const void *data, size_t size)
{
    struct writing w = {.file = file_of(descriptor), .descriptor = descriptor};
    if (!w.file)
        return syscall(SYS_write, descriptor, data, size);
    w.offset = position(descriptor);
    begin(&w, size);
    return end(&w, syscall(SYS_write, descriptor, data, size));
}

ssize_t writev(int descriptor, const struct iovec *parts, int count)
{
    struct writing w = {.file = file_of(descriptor), .descriptor = descriptor};
    if (!w.file)
        return syscall(SYS_writev, descriptor, parts, count);
    uint64_t size = 0;
    for (int k = 0; k < count; k++)
        size += parts[k].iov_len;
    w.offset = position(descriptor);
    begin(&w, size);
    return end(&w, syscall(SYS_writev, descriptor, parts, count));
}

/* ---- Syncing ---- */

static int sync_file(int descriptor, long call)
{
    struct file *f = file_of(descriptor);
    if (!f)
        return (int)syscall(call, descriptor);
    pthread_mutex_lock(&f->lock);
    const int failed = (int)syscall(call, descriptor);
    const int error = errno;
    if (!failed && syscall(SYS_ftruncate, f->notes, 0) != 0)
        stop("a note cannot be emptied");
    pthread_mutex_unlock(&f->lock);
    errno = error;
    return failed;
}

int fsync(int descriptor) { return sync_file(descriptor, SYS_fsync); }
int fdatasync(int descriptor) { return sync_file(descriptor, SYS_fdatasync); }

/* ---- What is not followed ---- */

int ftruncate(int descriptor, off_t size)
{
    if (file_of(descriptor))
        stop("a data file is truncated: this is not followed");
    return (int)syscall(SYS_ftruncate, descriptor, size);
}

void *mmap(void *address, size_t size, int protection, int flags, int descriptor, off_t offset)
{
    if (file_of(descriptor) && (protection & PROT_WRITE) && (flags & MAP_SHARED))
        stop("a data file is written through a map: this is not followed");
    return (void *)syscall(SYS_mmap, address, size, protection, flags, descriptor, offset);
}
