/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/clerk/spool.h"
#include "tests/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];
static int dir;

static void
close_both(int fds[static 2])
{
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static bool
is_there(const char *stem, const char *suffix)
{
    char name[128];
    (void)snprintf(name, sizeof(name), "%s.%s", stem, suffix);
    return faccessat(dir, name, F_OK, 0) == 0;
}

static bool
keep_one(void *ctx, const char *stem)
{
    return strcmp(ctx, stem) == 0;
}

static void
touch(const char *name)
{
    const int fd = openat(dir, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    (void)close(fd);
}

static void
test_files(void)
{
    const uint8_t name[16] = {0xab, 1};
    char stem[SPOOL_STEM_BYTES] = "";
    int fds[2] = {-1, -1};
    TEST("a container gets two new empty files that only we can read")
    {
        struct stat st;
        CHECK_EQ(spool_create(dir, name, stem, fds), ERR_OK);
        CHECK(strcmp(stem, "ab010000000000000000000000000000") == 0);
        CHECK(fstat(fds[0], &st) == 0 && st.st_size == 0 && (st.st_mode & 0777) == 0600);
        CHECK(pwrite(fds[0], "x", 1, 0) == 1 && pwrite(fds[1], "y", 1, 0) == 1);
        close_both(fds);
        CHECK_EQ(spool_create(dir, name, stem, fds), ERR_EXISTS);
    }
    TEST("files are opened for what is needed and no more, and links are not followed")
    {
        CHECK_EQ(spool_open(dir, stem, false, fds), ERR_OK);
        CHECK(pwrite(fds[0], "x", 1, 0) == -1);
        close_both(fds);
        CHECK_EQ(spool_open(dir, stem, true, fds), ERR_OK);
        CHECK(pwrite(fds[0], "x", 1, 0) == 1);
        close_both(fds);
        CHECK_EQ(spool_open(dir, "00", false, fds), ERR_NOT_FOUND);
        CHECK(symlinkat("/etc/hostname", dir, "11.body") == 0);
        CHECK_EQ(spool_open(dir, "11", false, fds), ERR_IO);
        CHECK(unlinkat(dir, "11.body", 0) == 0);
    }
    TEST("removing takes both files and may be repeated")
    {
        CHECK_EQ(spool_remove(dir, stem), ERR_OK);
        CHECK(!is_there(stem, "body") && !is_there(stem, "groups"));
        CHECK_EQ(spool_remove(dir, stem), ERR_OK);
        CHECK_EQ(spool_remove(-1, stem), ERR_IO);
    }
}

static void
test_sweep(void)
{
    TEST("a sweep removes what belongs to nobody, and nothing that is not the spool's")
    {
        const uint8_t one[16] = {1};
        const uint8_t two[16] = {2};
        char kept[SPOOL_STEM_BYTES];
        char gone[SPOOL_STEM_BYTES];
        int fds[2] = {-1, -1};
        size_t removed = 0;
        CHECK_EQ(spool_create(dir, one, kept, fds), ERR_OK);
        close_both(fds);
        CHECK_EQ(spool_create(dir, two, gone, fds), ERR_OK);
        close_both(fds);
        touch("README");
        touch("zz000000000000000000000000000000.body");
        touch("02000000000000000000000000000000.other");
        CHECK_EQ(spool_sweep(dir, keep_one, kept, &removed), ERR_OK);
        CHECK_EQ(removed, 2);
        CHECK(is_there(kept, "body") && is_there(kept, "groups") && !is_there(gone, "body"));
        CHECK(faccessat(dir, "README", F_OK, 0) == 0);
        CHECK(is_there("zz000000000000000000000000000000", "body"));
        CHECK(is_there(gone, "other"));
        CHECK_EQ(spool_sweep(-1, keep_one, kept, &removed), ERR_IO);
        CHECK(unlinkat(dir, "README", 0) == 0);
        CHECK(unlinkat(dir, "zz000000000000000000000000000000.body", 0) == 0);
        CHECK(unlinkat(dir, "02000000000000000000000000000000.other", 0) == 0);
        CHECK_EQ(spool_remove(dir, kept), ERR_OK);
    }
}

int
main(void)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/tdz-spool-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return 1;
    dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return 1;
    test_files();
    test_sweep();
    (void)close(dir);
    (void)rmdir(folder);
    return test_end();
}
