/* Removing what a run has made, by its name: also after a run that was killed. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "testnet/network.h"
#include "testnet/process.h"

enum { PATH_SIZE = 320, WAIT_MS = 10, WAITS = 500 };

static const char directory[] = "/run/netns";

/* ledger.NAME.I, with nothing but a number for I: a run's name may have dots itself. */
static bool belongs(const char *entry, const char *name)
{
    const size_t size = strlen(name);
    if (strncmp(entry, "ledger.", 7) != 0 || strncmp(entry + 7, name, size) != 0 ||
        entry[7 + size] != '.')
        return false;
    const char *number = entry + 7 + size + 1;
    return *number != '\0' && number[strspn(number, "0123456789")] == '\0';
}

/* Kills what runs in a namespace. Returns how many processes there were. */
static unsigned kill_inside(ino_t namespace)
{
    unsigned count = 0;
    DIR *processes = opendir("/proc");
    if (!processes)
        return 0;
    for (const struct dirent *entry; (entry = readdir(processes));) {
        char path[PATH_SIZE];
        struct stat status;
        snprintf(path, sizeof path, "/proc/%.200s/ns/net", entry->d_name);
        if (!isdigit((unsigned char)entry->d_name[0]) || stat(path, &status) != 0 ||
            status.st_ino != namespace)
            continue;
        kill((pid_t)strtol(entry->d_name, NULL, 10), SIGKILL);
        count++;
    }
    closedir(processes);
    return count;
}

static bool empty(const char *entry)
{
    char path[PATH_SIZE];
    struct stat status;
    snprintf(path, sizeof path, "%s/%.200s", directory, entry);
    for (unsigned k = 0; k < WAITS; k++) {
        if (stat(path, &status) != 0 || kill_inside(status.st_ino) == 0)
            return true;
        nanosleep(&(struct timespec){.tv_nsec = WAIT_MS * 1000000}, NULL);
    }
    return false;
}

int network_remove(const char *name, char *message, size_t message_size)
{
    static char text[RELAY_SITES_MAX * PATH_SIZE];
    size_t used = 0;
    unsigned count = 0;
    DIR *entries = opendir(directory);
    if (!entries)
        return 0; /* Nobody has made one since this machine was started. */
    for (const struct dirent *entry; (entry = readdir(entries));) {
        if (!belongs(entry->d_name, name) || sizeof text - used < PATH_SIZE)
            continue;
        if (!empty(entry->d_name)) {
            snprintf(message, message_size, "processes in %.200s do not end", entry->d_name);
            closedir(entries);
            return -1;
        }
        used += (size_t)snprintf(text + used, sizeof text - used, "netns delete %.200s\n",
                                 entry->d_name);
        count++;
    }
    closedir(entries);
    const char *const ip[] = {"ip", "-batch", "-", NULL};
    if (count > 0 && process_run(ip, text, message, message_size))
        return -1;
    return (int)count;
}
