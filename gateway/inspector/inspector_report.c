/* SPDX-License-Identifier: Apache-2.0 */
/* What was seen goes to judge on the inspector's own channel, and only then to clerk. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crypto/digest.h"
#include "gateway/core/attest.h"
#include "gateway/core/personset.h"
#include "gateway/core/rogue.h"
#include "gateway/inspector/inspector_slot.h"

/* A sealed memfd with these bytes. */
static enum err
inspector_report_memfd(struct span bytes, int *ret_fd)
{
    enum { SEALS = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL };
    const int fd = memfd_create("findings", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    enum err err = fd < 0 ? ERR_SYS : ERR_OK;
    while (err == ERR_OK && bytes.len > 0) {
        const ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            err = ERR_SYS;
        else
            bytes = span_from(bytes, (size_t)n);
    }
    if (err == ERR_OK && fcntl(fd, F_ADD_SEALS, SEALS) != 0)
        err = ERR_SYS;
    if (err == ERR_OK) {
        *ret_fd = fd;
        return ERR_OK;
    }
    if (fd >= 0)
        (void)close(fd);
    return err;
}

/* The two lists of one inspection; the first must be copied, asking for the second ends its view.
 */
static enum err
inspector_report_persons(struct inspection *seen, const struct findings *f, int *ret_fd)
{
    const uint64_t *view = NULL;
    struct personset set = {.rows_pi = f->unidentified};
    TRY(findings_persons(seen, false, &view, &set.pi_count));
    const size_t bytes = set.pi_count * sizeof(*view);
    uint64_t *copy = malloc(bytes + sizeof(*view));
    if (copy == NULL)
        return ERR_NOMEM;
    if (bytes > 0)
        memcpy(copy, view, bytes);
    set.pi = copy;
    enum err err = findings_persons(seen, true, &set.spi, &set.spi_count);
    if (f->sensitive_upper > set.spi_count)
        set.rows_spi = f->sensitive_upper - set.spi_count;
    if (err == ERR_OK)
        err = personset_store(&set, ret_fd);
    key_wipe(copy, bytes);
    free(copy);
    return err;
}

static enum err
inspector_report_send(struct inspector *i, struct inspector_slot *s, const uint8_t hash[static 32],
                      const int fds[static 2])
{
    struct p_findings found = {.bytes_in = s->bytes_in, .bytes_out = s->bytes_out};
    struct p_inspected told = {.bytes_in = s->bytes_in, .bytes_out = s->bytes_out};
    struct span body;
    memcpy(found.offer_hash, s->offer_hash, 32);
    memcpy(found.spec_hash, s->spec_hash, 32);
    memcpy(found.findings_hash, hash, 32);
    memcpy(told.offer_hash, s->offer_hash, 32);
    memcpy(told.findings_hash, hash, 32);
    TRY(attest_findings(&s->keys.evidence, hash, told.mac));
    TRY(payload_findings_put(&found, i->room->payload, sizeof(i->room->payload), &body));
    /* A judge that is being restarted gets them from clerk, with keeper's word. */
    const enum err err =
        i->out.send(i->out.ctx, ROLE_JUDGE, 0, 0, MSG_FINDINGS, s->transfer, body, fds, 1);
    if (err != ERR_OK && err != ERR_ROLE_LOST)
        return err;
    TRY(payload_inspected_put(&told, i->room->payload, sizeof(i->room->payload), &body));
    (void)i->out.send(i->out.ctx, ROLE_CLERK, 0, 0, MSG_INSPECTED, s->transfer, body, fds, 2);
    return ERR_OK;
}

#if TDZ_FAULTS
/* A captured inspector's way to carry words of the data out: as the name of a column. */
static void
inspector_report_words(char *text, size_t len)
{
    static const char key[] = "\"name\":\"";
    char *at = memmem(text, len, key, sizeof(key) - 1);
    if (at != NULL && at + sizeof(key) < text + len)
        at[sizeof(key) - 1] = 'Q';
}
#endif

static enum err
inspector_report_make(struct inspector *i, struct inspector_slot *s, int fds[static 2])
{
    struct inspector_room *room = i->room;
    struct inspection *seen = s->in != NULL ? s->in : s->sees;
    const struct findings *in = s->in == NULL ? NULL : findings_of(s->in);
    const struct findings *out = s->sees == NULL ? NULL : findings_of(s->sees);
    struct span report;
    uint8_t hash[32];
    if (findings_of(seen) == NULL)
        return ERR_STATE;
    TRY(report_write(in, out, s->spec_hash, s->bytes_in, s->bytes_out, room->report,
                     sizeof(room->report), room->scratch, &report));
#if TDZ_FAULTS
    if (rogue_acts(FAULT_rogue_inspector_words))
        inspector_report_words(room->report, report.len);
#endif
    TRY(digest_sha256(report, hash));
    TRY(inspector_report_memfd(report, &fds[0]));
    TRY(inspector_report_persons(seen, findings_of(seen), &fds[1]));
    return inspector_report_send(i, s, hash, fds);
}

void
inspector_slot_report(struct inspector *i, struct inspector_slot *s)
{
    int fds[2] = {-1, -1};
    const enum err err = inspector_report_make(i, s, fds);
    for (size_t k = 0; k < 2; k++)
        if (fds[k] >= 0)
            (void)close(fds[k]);
    if (err != ERR_OK) {
        inspector_slot_fail(i, s, err);
        return;
    }
    i->done++;
    inspector_slot_drop(i, s);
}
