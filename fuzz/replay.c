/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over every file of its corpus, under any compiler, as a TAP test. Each input
 * is read into memory of exactly its size, so that a sanitizer sees one byte too many. The name is
 * printed before the run: the last one is the culprit when the process dies. */
#include "fuzz/fuzz.h"

#include <dirent.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

enum { INPUT_BYTES_MAX = 16 << 20 };

static int
by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int
is_input(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* False when the file cannot be read. */
static bool
replay_file(const char *folder, const char *name)
{
    char path[4096];
    if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
        return false;
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    struct stat st;
    if (fstat(fileno(file), &st) != 0 || st.st_size > INPUT_BYTES_MAX) {
        (void)fclose(file);
        return false;
    }
    const size_t len = (size_t)st.st_size;
    uint8_t *bytes = malloc(len == 0 ? 1 : len);
    const bool whole = bytes != NULL && fread(bytes, 1, len, file) == len;
    (void)fclose(file);
    if (whole) {
        printf("# %s\n", name);
        (void)fflush(stdout);
        (void)LLVMFuzzerTestOneInput(bytes, len);
    }
    free(bytes);
    return whole;
}

int
main(int argc, char **argv)
{
    struct dirent **entries = NULL;
    const int count = argc == 2 ? scandir(argv[1], &entries, is_input, by_name) : -1;
    int failed = count > 0 ? 0 : 1;
    for (int i = 0; i < count; i++) {
        if (!replay_file(argv[1], entries[i]->d_name)) {
            printf("# %s cannot be read\n", entries[i]->d_name);
            failed++;
        }
        free(entries[i]);
    }
    free(entries);
    printf("%s 1 - %d inputs of the corpus run without a fault\n1..1\n", failed ? "not ok" : "ok",
           count < 0 ? 0 : count);
    return failed == 0 ? 0 : 1;
}
