/* SPDX-License-Identifier: Apache-2.0 */
/* One transfer of the inspector, and how it runs. */
#ifndef TDZ_GATEWAY_INSPECTOR_INSPECTOR_SLOT_H
#define TDZ_GATEWAY_INSPECTOR_INSPECTOR_SLOT_H

#include "crypto/key.h"
#include "gateway/inspector/inspector.h"
#include "inspect/inspectspec.h"
#include "inspect/persons.h"
#include "inspect/report.h"

/* A ring that came before clerk said whose counts. */
struct inspector_pending {
    bool used;
    enum role_id role;
    unsigned index;
    uint32_t generation;
    int fds[RING_FDS];
};

struct inspector_keys {
    struct secret32 counting;
    struct secret32 token;
    struct secret32 evidence;
};

struct inspector_slot {
    bool used;
    uint64_t touched;
    uint8_t transfer[16];
    uint8_t offer_hash[32];
    struct inspector_pending pending[INSPECTOR_PENDING_MAX];
    /* from clerk */
    bool has_open;
    bool is_import;
    unsigned source;
    uint32_t source_gen;
    unsigned sealer;
    uint32_t sealer_gen;
    uint8_t open_hash[32]; /* of the message, to know it again */
    uint8_t spec_hash[32];
    struct inspectspec *spec;
    /* from keeper */
    bool has_keys;
    struct inspector_keys keys;
    /* running */
    bool running;
    bool at_end; /* ring A ended */
    enum inspector_phase {
        INSPECTOR_FEEDS,
        INSPECTOR_ENDS,   /* the first inspection ended, its last output is left */
        INSPECTOR_CLOSES, /* both ended: ring B is to be closed */
        INSPECTOR_DONE,
    } phase;
    struct ring *ring[INSPECTOR_RINGS];
    struct inspection *in;   /* NULL on import */
    struct inspection *sees; /* of what leaves; NULL when it leaves as it came */
    uint8_t *data;           /* unfed input, then output; NULL when it leaves as it came */
    size_t data_at;
    size_t data_len;
    size_t made_len;
    uint64_t bytes_in;
    uint64_t bytes_out;
};

/* Shared by all transfers, used within one call. */
struct inspector_room {
    struct inspectspec_scratch spec;
    uint8_t data[RING_SLOT_BYTES];
    uint8_t payload[4096];
    char report[REPORT_BYTES_MAX];
    char scratch[REPORT_BYTES_MAX];
};

/* Begins when open, keys and ring are all there; no error: failures are told to clerk. */
void inspector_slot_begin(struct inspector *i, struct inspector_slot *s);
/* Gives up: both rings aborted, INSPECTED with why to clerk, slot free. */
void inspector_slot_fail(struct inspector *i, struct inspector_slot *s, enum err why);
/* Frees without a word. */
void inspector_slot_drop(struct inspector *i, struct inspector_slot *s);
/* The end: FINDINGS to judge, INSPECTED to clerk, slot free. */
void inspector_slot_report(struct inspector *i, struct inspector_slot *s);

#endif
