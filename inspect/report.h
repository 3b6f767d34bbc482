/* SPDX-License-Identifier: Apache-2.0 */
/* tdz.inspected/1: what the inspector reports of one stream, canonical JSON:
 *   {"bytes_in":N,"bytes_out":N,"format":"tdz.inspected/1","in":{…}|null,"out":{…},"spec":"<hex>"}
 * in and out are evidences of findings.h (tdz.findings/1). Export has both; import, where nothing
 * is changed and what the sender performed is expected, has out only. The digest of `out` is what
 * two zones compare. No value of the data is in it. Spec: docs/PROCESSES.md; design.md 3 step 4. */
#ifndef TDZ_INSPECT_REPORT_H
#define TDZ_INSPECT_REPORT_H

#include "inspect/findings.h"

enum { REPORT_BYTES_MAX = JSON_BYTES_MAX, REPORT_NODES_MAX = 96 * 1024 };
enum { REPORT_OBSERVED_MAX = 18 * 1024 };

/* in NULL on import. out NULL: the stream left as it came, so that `out` is `in` under its other
 * name. scratch is as large as buf. ERR_FULL: over cap; ERR_CRYPTO, ERR_NOMEM. */
MUST_USE enum err report_write(const struct findings *in, const struct findings *out,
                               const uint8_t spec_hash[static 32], uint64_t bytes_in,
                               uint64_t bytes_out, char *buf, size_t cap, char *scratch,
                               struct span *ret);

/* What an evidence says to those who decide. */
struct report_side {
    bool present;
    const struct json_node *node;
    uint8_t digest[32]; /* SHA-256 of its canonical bytes */
    uint8_t ruleset[32];
    uint32_t labels; /* LABEL_BITs */
    enum findings_coverage coverage;
    bool contradicted;
    bool performed;
    uint64_t bytes;
    uint64_t rows;
    uint64_t persons_lower;
    uint64_t persons_upper;
    uint64_t sensitive;
};

/* Views into input and scratch. */
struct report {
    struct json_doc doc;
    struct report_side in;
    struct report_side out;
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint8_t spec_hash[32];
};

/* About 6 MiB, touched as far as reports are long. */
struct report_scratch {
    struct json_node nodes[REPORT_NODES_MAX];
    uint8_t text[REPORT_BYTES_MAX];
    char canon[REPORT_BYTES_MAX];
};

/* Reads a report and checks every word in it against what this build can say; known tells whether
 * a column's name is one that the agreement declares (others must be #ordinal). ERR_NOT_CANONICAL,
 * ERR_VERSION, ERR_NOT_FOUND (a label, type, reason, rule or name that is none), ERR_DUPLICATE (a
 * label twice or out of order), ERR_SYNTAX, ERR_TYPE, ERR_CRYPTO, and those of json_read, json_need
 * and json_only. */
MUST_USE enum err report_read(struct span input, bool (*known)(const void *ctx, struct span name),
                              const void *ctx, struct report_scratch *scratch, struct report *ret,
                              struct fault *ret_fault);

/* The object "observed" of a transfer (http-api.md) as a value of w, from what was read. It travels
 * in messages of bounded length, so it is at most REPORT_OBSERVED_MAX bytes: of a wide table those
 * columns come first in which something was found or that are other than declared, and
 * "columns_omitted" counts what is left out; "contradictions" (column or null, rule) is there when
 * the declaration is contradicted. The evidence that two zones compare has all of it. */
void report_observed(const struct report *r, const struct report_side *side, struct canon *w);

#endif
