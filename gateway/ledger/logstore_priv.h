/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of the log engine only. */
#ifndef TDZ_GATEWAY_LEDGER_LOGSTORE_PRIV_H
#define TDZ_GATEWAY_LEDGER_LOGSTORE_PRIV_H

#include "gateway/ledger/crc.h"
#include "gateway/ledger/logstore.h"
#include "gateway/ledger/logtiles.h"
#include "gateway/ledger/segment.h"

/* The place of every 16th entry is kept: eight bytes for it, at most 15 headers to step over. */
enum { LOGSTORE_STRIDE = 16, LOGSTORE_WINDOW = 1 << 20 };
/* A log of this many segments ends its half-year early; it bounds the table of descriptors. */
enum { LOGSTORE_SEGMENTS_MAX = 4096 };

struct logstore_place {
    uint32_t segment;
    uint32_t offset;
};

struct logstore {
    struct logstore_config config;
    const struct logio *io;
    int dir;
    int lock;
    enum err broken; /* ERR_IO after a failed sync */
    bool quarantined;
    struct crc crc;
    struct tlog_edge edge;
    struct tlog_hash root;
    struct logtiles tiles;
    struct logindex index;
    struct logstore_place *places;
    size_t place_cap;
    size_t policy_count; /* `policy` entries found at opening; the last of them are in the ring */
    uint64_t policies[LOGSTORE_POLICIES];
    /* Segments 0..segment_count-1 have entries; segment_count is the reserve, if held. */
    int fds[LOGSTORE_SEGMENTS_MAX];
    size_t segment_count;
    bool reserve_held;
    uint64_t used;                  /* bytes of the last segment; 0: its header is not written */
    struct logstore_head published; /* of the checkpoint file; size 0 at first */
    bool has_checkpoint;
    uint8_t *buffer; /* LOGSTORE_BUFFER bytes */
    uint8_t *window; /* LOGSTORE_WINDOW */
};

enum { LOGSTORE_BUFFER = LOGSTORE_BATCH_BYTES + 4096 };

/* logrecover.c: fills everything from the folder. */
MUST_USE enum err logrecover_run(struct logstore *log);

/* Opens or makes and allocates the segment after the last one. */
MUST_USE enum err logstore_take_reserve(struct logstore *log);

/* Remembers where entry index is. ERR_NOMEM. */
MUST_USE enum err logstore_place_put(struct logstore *log, uint64_t index, size_t segment,
                                     uint64_t offset);

/* Keeps err as the end of this log when it is ERR_IO, and returns it. */
enum err logstore_fail(struct logstore *log, enum err err);

/* The hashes as the tree's reader. */
struct tlog_reader logstore_reader(struct logstore *log);

/* Name of the saved hashes for a quick start at segment number. */
void logstore_frontier_name(uint64_t number, char out[static SEGMENT_NAME_MAX]);

#endif
