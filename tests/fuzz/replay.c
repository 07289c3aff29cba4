/* A fuzz target, without a fuzzer: what is kept in tests/fuzz/corpus/TARGET/ is taken without harm.
 * The program's name says which: replay_TARGET. */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

static char directory[256];

static void take(const char *name)
{
    char path[1024];
    struct stat status;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fstat(fileno(f), &status), 0);
    const size_t size = (size_t)status.st_size;
    uint8_t *bytes = malloc(size ? size : 1); /* Of just its size: a sanitizer sees its end. */
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, size, f), size);
    fclose(f);
    LLVMFuzzerTestOneInput(bytes, size);
    free(bytes);
}

static void all_that_is_kept_is_taken(void **state)
{
    (void)state;
    unsigned count = 0;
    DIR *d = opendir(directory);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        if (e->d_name[0] != '.') {
            take(e->d_name);
            count++;
        }
    closedir(d);
    printf("%u inputs\n", count);
    assert_true(count > 4);
}

int main(int argc, char **argv)
{
    (void)argc;
    const char *name = strrchr(argv[0], '_');
    snprintf(directory, sizeof directory, "tests/fuzz/corpus/%s", name ? name + 1 : "");
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_that_is_kept_is_taken)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
