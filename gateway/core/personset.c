/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/core/personset.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/key.h"

struct personset_head {
    uint8_t magic[4];
    uint32_t version;
    uint64_t pi_count;
    uint64_t spi_count;
    uint64_t rows_pi;
    uint64_t rows_spi;
};
_Static_assert(sizeof(struct personset_head) == PERSONSET_HEAD_BYTES, "no padding");

static const uint8_t personset_magic[4] = {'T', 'D', 'Z', 'P'};

static enum err
personset_write(int fd, const void *data, size_t len)
{
    const uint8_t *at = data;
    while (len > 0) {
        const ssize_t done = write(fd, at, len);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return ERR_SYS;
        at += done;
        len -= (size_t)done;
    }
    return ERR_OK;
}

enum err
personset_store(const struct personset *set, int *ret_fd)
{
    struct personset_head head = {.version = 1,
                                  .pi_count = set->pi_count,
                                  .spi_count = set->spi_count,
                                  .rows_pi = set->rows_pi,
                                  .rows_spi = set->rows_spi};
    if (set->pi_count > PERSONSET_MAX || set->spi_count > PERSONSET_MAX)
        return ERR_RANGE;
    memcpy(head.magic, personset_magic, sizeof(head.magic));
    const int fd = memfd_create("persons", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return ERR_SYS;
    enum err err = personset_write(fd, &head, sizeof(head));
    if (err == ERR_OK)
        err = personset_write(fd, set->pi, set->pi_count * sizeof(*set->pi));
    if (err == ERR_OK)
        err = personset_write(fd, set->spi, set->spi_count * sizeof(*set->spi));
    if (err == ERR_OK &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0)
        err = ERR_SYS;
    if (err != ERR_OK) {
        (void)close(fd);
        return err;
    }
    *ret_fd = fd;
    return ERR_OK;
}

static enum err
personset_pread(int fd, void *out, size_t len, size_t at)
{
    uint8_t *to = out;
    while (len > 0) {
        const ssize_t done = pread(fd, to, len, (off_t)at);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return ERR_IO;
        if (done == 0)
            return ERR_PROTOCOL;
        to += done;
        at += (size_t)done;
        len -= (size_t)done;
    }
    return ERR_OK;
}

static bool
personset_is_sorted(const uint64_t *list, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (list[i - 1] >= list[i])
            return false;
    return true;
}

enum err
personset_load(int fd, struct personset *ret)
{
    struct personset_head head;
    struct stat st;
    if (fstat(fd, &st) != 0)
        return ERR_IO;
    TRY(personset_pread(fd, &head, sizeof(head), 0));
    if (memcmp(head.magic, personset_magic, sizeof(head.magic)) != 0 || head.version != 1)
        return ERR_PROTOCOL;
    if (head.pi_count > PERSONSET_MAX || head.spi_count > head.pi_count)
        return ERR_PROTOCOL;
    const size_t count = (size_t)(head.pi_count + head.spi_count);
    if (st.st_size != (off_t)(sizeof(head) + count * sizeof(uint64_t)))
        return ERR_PROTOCOL;
    struct personset set = {.pi_count = (size_t)head.pi_count,
                            .spi_count = (size_t)head.spi_count,
                            .rows_pi = head.rows_pi,
                            .rows_spi = head.rows_spi};
    set.memory = calloc(count + 1, sizeof(*set.memory));
    if (set.memory == NULL)
        return ERR_NOMEM;
    set.pi = set.memory;
    set.spi = set.memory + set.pi_count;
    enum err err = personset_pread(fd, set.memory, count * sizeof(uint64_t), sizeof(head));
    if (err == ERR_OK && (!personset_is_sorted(set.pi, set.pi_count) ||
                          !personset_is_sorted(set.spi, set.spi_count)))
        err = ERR_PROTOCOL;
    if (err != ERR_OK) {
        personset_free(&set);
        return err;
    }
    *ret = set;
    return ERR_OK;
}

void
personset_free(struct personset *set)
{
    if (set->memory != NULL)
        key_wipe(set->memory, (set->pi_count + set->spi_count) * sizeof(*set->memory));
    free(set->memory);
    *set = (struct personset){0};
}
