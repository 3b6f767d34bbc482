/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary (tdz.vocab/1) that policies and facts are typed by: a zone tree, a class forest,
 * attributes with their type and the weakest source that may set them, obligations with the phase
 * that performs them. Spec: background/policy.md 3.1, 3.5.1. */
#ifndef TDZ_POLICY_VOCAB_H
#define TDZ_POLICY_VOCAB_H

#include "policy/arena.h"
#include "schemas/error.h"
#include "schemas/json.h"
#include "schemas/span.h"

/* Zones, classes and attributes are sets of at most 256, so that a set fits four words. */
enum { VOCAB_ZONES_MAX = 256, VOCAB_CLASSES_MAX = 256, VOCAB_ATTRS_MAX = 256 };
enum { VOCAB_VALUES_MAX = 1024, VOCAB_OBLIGATIONS_MAX = 32, VOCAB_NAME_MAX = 64 };
/* A string value longer than this is unknown (policy.md 3.5.1). */
enum { VOCAB_STRING_MAX = 256, VOCAB_NOTE_MAX = 4096 };
#define VOCAB_NONE UINT32_MAX

enum vocab_type { VOCAB_BOOL, VOCAB_INT, VOCAB_ENUM, VOCAB_STRING, VOCAB_ZONE, VOCAB_LABELS };

/* In order of strength: what the sender signs, what the zone's register says, and what the gateway
 * itself sees. VOCAB_GATEWAY is what only the stream can measure: it is open at preflight. */
enum vocab_source {
    VOCAB_MANIFEST,
    VOCAB_REGISTER,
    VOCAB_ROUTE,
    VOCAB_COUNTER,
    VOCAB_GATEWAY,
};

enum vocab_phase { VOCAB_STREAM, VOCAB_DECISION, VOCAB_RECIPIENT, VOCAB_AFTER };

/* A set of zones or classes, by index. */
struct vocab_set {
    uint64_t word[4];
};

struct vocab_node {
    struct span name;
    uint32_t parent; /* VOCAB_NONE for a root */
};

struct vocab_attr {
    struct span name;
    enum vocab_type type;
    enum vocab_source source;
    struct span *values; /* of an enum, sorted */
    size_t value_count;
};

struct vocab_obligation {
    struct span name;
    enum vocab_phase phase;
};

struct vocab {
    struct span id;
    int64_t revision;
    uint8_t sha256[32];
    struct vocab_node *zones;
    size_t zone_count;
    struct vocab_node *classes;
    size_t class_count;
    struct vocab_attr *attrs;
    size_t attr_count;
    struct vocab_obligation *obligations;
    size_t obligation_count;
    struct arena arena;
};

/* Reads the exact bytes of a vocabulary file whose SHA-256 is sha256[32]. Owns its memory: the
 * input may go after the call. vocab_finish gives it back. Errors, each with ret_fault's line and
 * column: those of json_read; ERR_VERSION (another format), ERR_MISSING, ERR_TYPE, ERR_RANGE,
 * ERR_UNKNOWN_FIELD; ERR_SYNTAX (a name outside [A-Za-z0-9_.-]{1,64}); ERR_NOT_FOUND (a parent that
 * is not declared, an unknown type, source or phase); ERR_CONFLICT (a cycle, `to` or `labels` of
 * another type); ERR_FULL (over a maximum); ERR_NOMEM. */
MUST_USE enum err vocab_read(struct vocab *v, struct span input, const uint8_t sha256[static 32],
                             struct fault *ret_fault);
void vocab_finish(struct vocab *v);

/* Index of a name, or VOCAB_NONE. */
uint32_t vocab_zone(const struct vocab *v, struct span name);
uint32_t vocab_class(const struct vocab *v, struct span name);
const struct vocab_attr *vocab_attr(const struct vocab *v, struct span name);
const struct vocab_obligation *vocab_obligation(const struct vocab *v, struct span name);

/* True if node index below is index above or one of its descendants. */
bool vocab_zone_under(const struct vocab *v, uint32_t below, uint32_t above);
bool vocab_class_under(const struct vocab *v, uint32_t below, uint32_t above);

/* True if value is among the declared values of an enum. */
bool vocab_has_value(const struct vocab_attr *attr, struct span value);

/* "manifest", "stream", "enum"…: static text. */
const char *vocab_source_name(enum vocab_source source);

/* True if name is [A-Za-z0-9_.-]{1,64}. */
bool vocab_is_name(struct span name);

static inline void
vocab_set_add(struct vocab_set *set, uint32_t index)
{
    set->word[index >> 6 & 3] |= UINT64_C(1) << (index & 63);
}

static inline bool
vocab_set_has(const struct vocab_set *set, uint32_t index)
{
    return (set->word[index >> 6 & 3] >> (index & 63) & 1) != 0;
}

#endif
