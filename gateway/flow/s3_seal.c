/* SPDX-License-Identifier: Apache-2.0 */
/* Stage 3, seal: the last byte is in, the inspector's findings and the sealer's SEALED agree with
 * what the edge received, and all of it becomes durable (X3). From here on the dataset is ours to
 * bring to an end, whatever the client does. */
#include "crypto/body.h"
#include "gateway/clerk/counter.h"
#include "gateway/flow/stages.h"

#include <unistd.h>

struct s3_parts {
    struct span findings;
    struct span persons;
    struct p_sealed sealed;
};

static enum err
s3_fill(struct flow *f, struct flow_run *run, const void *arg)
{
    const struct s3_parts *parts = arg;
    struct store_row *row = &run->row;
    TRY(store_part_put(f->store, row->id, STORE_FINDINGS, 0, parts->findings));
    TRY(store_part_put(f->store, row->id, STORE_PERSONS, 0, parts->persons));
    TRY(store_part_put(f->store, row->id, STORE_SEALED, 0, run->kept[KEEP_SEALED]));
    row->sealed = 1;
    row->bytes = run->bytes_in;
    row->suite = parts->sealed.suite;
    row->body_bytes = body_bytes(parts->sealed.plaintext_len);
    memcpy(row->root, parts->sealed.root, sizeof(row->root));
    return ERR_OK;
}

/* True when edge, inspector and sealer speak of the same bytes. */
static bool
s3_agree(const struct flow_run *run, const struct p_sealed *sealed)
{
    return run->row.bytes == run->bytes_in && sealed->plaintext_len == run->bytes_out &&
           sealed->plaintext_len <= BODY_PLAIN_MAX &&
           sealed->chunks == body_chunk_count(sealed->plaintext_len) &&
           memcmp(sealed->offer_hash, run->row.offer_hash, sizeof(sealed->offer_hash)) == 0;
}

void
s3_seal_join(struct flow *f, struct flow_run *run)
{
    const unsigned all = RUN_ENDED | RUN_INSPECTED | RUN_SEALED;
    struct s3_parts parts;
    struct counter_set set;
    if ((run->flags & all) != all)
        return;
    enum err err = payload_sealed_get(run->kept[KEEP_SEALED], &parts.sealed);
    if (err == ERR_OK && !s3_agree(run, &parts.sealed))
        err = ERR_CONFLICT;
    if (err == ERR_OK)
        err = flow_reply_read(f, run->fds[0], FLOW_FINDINGS_MAX, &parts.findings);
    if (err == ERR_OK)
        err = flow_reply_read(f, run->fds[1], FLOW_PERSONS_MAX, &parts.persons);
    if (err == ERR_OK)
        err = counter_read(parts.persons, &set);
    if (err != ERR_OK) {
        s2_receive_fail(f, run, "inspector-failed", SPAN_LIT(""));
        return;
    }
    err = flow_run_save(f, run, FLOW_X3_SEALED, s3_fill, &parts);
    if (err != ERR_OK) {
        if (!f->dead)
            s2_receive_fail(f, run, err == ERR_NO_SPACE ? "spool-full" : "internal", SPAN_LIT(""));
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        (void)close(run->fds[i]);
        run->fds[i] = -1;
    }
    run->edge.bound = false;
    flow_pool_give(f, run);
}

enum err
s3_seal_sealed(struct flow *f, unsigned index, const struct msg *m)
{
    struct p_sealed p;
    TRY(payload_sealed_get(m->body, &p));
    struct flow_run *run = flow_run_live(f, m->transfer);
    if (run == NULL || run->row.state != FLOW_X2_RECEIVING || (run->flags & RUN_SEALED) != 0)
        return ERR_OK;
    if (!flow_pool_is(&run->sealer, f, ROLE_SEALER, index) ||
        memcmp(p.offer_hash, run->row.offer_hash, sizeof(p.offer_hash)) != 0)
        return ERR_DENIED;
    if (flow_run_keep(run, KEEP_SEALED, m->body) != ERR_OK) {
        s2_receive_fail(f, run, "internal", SPAN_LIT(""));
        return ERR_OK;
    }
    run->flags |= RUN_SEALED;
    s3_seal_join(f, run);
    return ERR_OK;
}
