/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/core/personset.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/test.h"

static const uint64_t pi[] = {3, 7, 9, UINT64_MAX};
static const uint64_t spi[] = {7, 9};

static enum err
load_bytes(const void *bytes, size_t len)
{
    struct personset set;
    const int fd = memfd_create("t", MFD_CLOEXEC);
    CHECK(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
    const enum err err = personset_load(fd, &set);
    if (err == ERR_OK)
        personset_free(&set);
    (void)close(fd);
    return err;
}

int
main(void)
{
    const struct personset set = {
        .pi = pi, .pi_count = 4, .spi = spi, .spi_count = 2, .rows_pi = 5, .rows_spi = 1};
    struct personset got = {0};
    uint64_t raw[5 + 6];
    int fd = -1;

    TEST("a set is read as it was written, from a memfd that nobody can change any more")
    {
        CHECK_EQ(personset_store(&set, &fd), ERR_OK);
        CHECK(write(fd, "x", 1) == -1);
        CHECK_EQ(personset_load(fd, &got), ERR_OK);
        CHECK(got.pi_count == 4 && memcmp(got.pi, pi, sizeof(pi)) == 0);
        CHECK(got.spi_count == 2 && memcmp(got.spi, spi, sizeof(spi)) == 0);
        CHECK(got.rows_pi == 5 && got.rows_spi == 1);
        CHECK(pread(fd, raw, sizeof(raw), 0) == (ssize_t)sizeof(raw));
        personset_free(&got);
        CHECK(got.pi == NULL);
        (void)close(fd);
    }
    TEST("an empty set is a set")
    {
        const struct personset none = {.rows_pi = 2};
        CHECK_EQ(personset_store(&none, &fd), ERR_OK);
        CHECK_EQ(personset_load(fd, &got), ERR_OK);
        CHECK(got.pi_count == 0 && got.rows_pi == 2);
        personset_free(&got);
        (void)close(fd);
    }
    TEST("every lie about the format is refused")
    {
        uint64_t bad[11];
        CHECK_EQ(load_bytes(raw, sizeof(raw)), ERR_OK);
        CHECK_EQ(load_bytes(raw, 8), ERR_PROTOCOL);
        CHECK_EQ(load_bytes(raw, sizeof(raw) - 8), ERR_PROTOCOL);
        memcpy(bad, raw, sizeof(bad));
        bad[0] ^= 1;
        CHECK_EQ(load_bytes(bad, sizeof(bad)), ERR_PROTOCOL);
        memcpy(bad, raw, sizeof(bad));
        bad[0] += UINT64_C(1) << 32;
        CHECK_EQ(load_bytes(bad, sizeof(bad)), ERR_PROTOCOL);
        memcpy(bad, raw, sizeof(bad));
        bad[1] = UINT64_MAX / 8;
        CHECK_EQ(load_bytes(bad, sizeof(bad)), ERR_PROTOCOL);
        memcpy(bad, raw, sizeof(bad));
        bad[1] = 2;
        bad[2] = 4;
        CHECK_EQ(load_bytes(bad, sizeof(bad)), ERR_PROTOCOL);
        memcpy(bad, raw, sizeof(bad));
        bad[6] = bad[5];
        CHECK_EQ(load_bytes(bad, sizeof(bad)), ERR_PROTOCOL);
        memcpy(bad, raw, sizeof(bad));
        bad[10] = 1;
        CHECK_EQ(load_bytes(bad, sizeof(bad)), ERR_PROTOCOL);
    }
    TEST("what is no file at all is an error, and a list over the limit is not written")
    {
        const struct personset huge = {.pi = pi, .pi_count = PERSONSET_MAX + 1};
        CHECK_EQ(personset_load(-1, &got), ERR_IO);
        CHECK_EQ(personset_store(&huge, &fd), ERR_RANGE);
    }
    return test_end();
}
