#include "node/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/identity.h"

static int fail(const char *path, const char *what, char *message, size_t message_size)
{
    int error = errno;
    if (error == EEXIST)
        snprintf(message, message_size,
                 "%s is there already, and nothing is overwritten; give another path", path);
    else
        snprintf(message, message_size, "%s: %s: %s", path, what, strerror(error));
    return -1;
}

static int check_kind(int descriptor, const char *path, bool secret, size_t size_max, size_t *size,
                      char *message, size_t message_size)
{
    struct stat status;
    if (fstat(descriptor, &status) != 0)
        return fail(path, "cannot be read", message, message_size);
    if (!S_ISREG(status.st_mode)) {
        snprintf(message, message_size, "%s: not a file; give the path of one", path);
        return -1;
    }
    if (secret && (status.st_mode & 077) != 0) {
        snprintf(message, message_size,
                 "%s: others may read or write this secret (mode %04o); type: chmod 600 %s", path,
                 (unsigned)status.st_mode & 07777u, path);
        return -1;
    }
    if ((size_t)status.st_size > size_max) {
        snprintf(message, message_size, "%s: %zu bytes, more than the %zu that it may have", path,
                 (size_t)status.st_size, size_max);
        return -1;
    }
    *size = (size_t)status.st_size;
    return 0;
}

static int read_whole(int descriptor, const char *path, uint8_t *target, size_t *size,
                      char *message, size_t message_size)
{
    size_t done = 0;
    while (done < *size) {
        ssize_t count = read(descriptor, target + done, *size - done);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return fail(path, "cannot be read", message, message_size);
        if (count == 0)
            break; /* It got shorter meanwhile. */
        done += (size_t)count;
    }
    *size = done;
    return 0;
}

static int read_file(const char *path, bool secret, size_t size_max, uint8_t **data, size_t *size,
                     char *message, size_t message_size)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0)
        return fail(path, "cannot be opened", message, message_size);

    uint8_t *target = NULL;
    int error = check_kind(descriptor, path, secret, size_max, size, message, message_size);
    size_t capacity = error ? 0 : *size;
    if (!error) {
        target = malloc(capacity + 1);
        error = target ? read_whole(descriptor, path, target, size, message, message_size)
                       : fail(path, "no memory for it", message, message_size);
    }
    close(descriptor);
    if (error && target) {
        secret_wipe(target, capacity);
        free(target);
        target = NULL;
    }
    *data = target;
    return error;
}

int file_read(const char *path, size_t size_max, uint8_t **data, size_t *size, char *message,
              size_t message_size)
{
    return read_file(path, false, size_max, data, size, message, message_size);
}

int file_read_secret(const char *path, size_t size_max, uint8_t **data, size_t *size, char *message,
                     size_t message_size)
{
    return read_file(path, true, size_max, data, size, message, message_size);
}

/* Makes a new name in the directory of `path` durable. */
static int sync_parent(const char *path)
{
    char parent[PATH_MAX] = ".";
    const char *slash = strrchr(path, '/');
    if (slash)
        snprintf(parent, sizeof parent, "%.*s", slash == path ? 1 : (int)(slash - path), path);

    int descriptor = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return -1;
    int error = fsync(descriptor);
    close(descriptor);
    return error;
}

static int write_whole(int descriptor, struct slice content)
{
    size_t done = 0;
    while (done < content.size) {
        ssize_t count = write(descriptor, content.data + done, content.size - done);
        if (count < 0 && errno != EINTR)
            return -1;
        if (count > 0)
            done += (size_t)count;
    }
    return 0;
}

int file_create(const char *path, mode_t mode, struct slice content, char *message,
                size_t message_size)
{
    char temporary[PATH_MAX];
    int length = snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
    if (length < 0 || (size_t)length >= sizeof temporary) {
        errno = ENAMETOOLONG;
        return fail(path, "cannot be written", message, message_size);
    }
    int descriptor = mkostemp(temporary, O_CLOEXEC); /* Made with mode 0600. */
    if (descriptor < 0)
        return fail(path, "cannot be written", message, message_size);

    int error = write_whole(descriptor, content) != 0 || fchmod(descriptor, mode) != 0 ||
                fsync(descriptor) != 0;
    if (error)
        fail(path, "cannot be written", message, message_size);
    close(descriptor);
    if (!error && renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE) != 0) {
        error = fail(path, "cannot be written", message, message_size);
    }
    if (error) {
        unlink(temporary);
        return -1;
    }
    if (sync_parent(path) != 0)
        return fail(path, "may not be on the disk", message, message_size);
    return 0;
}

int file_create_directory(const char *path, mode_t mode, char *message, size_t message_size)
{
    if (mkdir(path, mode) != 0)
        return fail(path, "cannot be made", message, message_size);
    if (sync_parent(path) != 0)
        return fail(path, "may not be on the disk", message, message_size);
    return 0;
}
