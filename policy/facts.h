/* SPDX-License-Identifier: Apache-2.0 */
/* Facts: the attribute values of one request, each with the source it came from. A value from a
 * weaker source than the vocabulary asks for is not taken, so it stays unknown. Spec:
 * background/policy.md 3.5.2; formats.md "Policy". */
#ifndef TDZ_POLICY_FACTS_H
#define TDZ_POLICY_FACTS_H

#include "policy/vocab.h"
#include "schemas/canon.h"

enum { FACTS_MAX = 320, FACTS_LABELS_MAX = 256, FACTS_IGNORED_MAX = 64 };

enum facts_type { FACTS_BOOL, FACTS_INT, FACTS_TEXT, FACTS_OTHER };

struct facts_entry {
    struct span name;
    enum facts_type type; /* FACTS_OTHER: of no type an attribute can have, so unknown */
    enum vocab_source source;
    int64_t number;
    struct span text;
};

/* Names and texts are the caller's and must outlive the facts. */
struct facts {
    struct facts_entry entry[FACTS_MAX]; /* sorted by name */
    size_t count;
    struct span label[FACTS_LABELS_MAX]; /* in given order */
    size_t label_count;
    struct span ignored[FACTS_IGNORED_MAX]; /* names not taken: weak source, undeclared, type */
    size_t ignored_count;
};

void facts_init(struct facts *f);

/* One value by the gateway's own hand. A stronger source wins over a weaker one that set the same
 * name; between equals the last one wins. ERR_FULL. */
MUST_USE enum err facts_bool(struct facts *f, struct span name, bool value,
                             enum vocab_source source);
MUST_USE enum err facts_int(struct facts *f, struct span name, int64_t value,
                            enum vocab_source source);
MUST_USE enum err facts_text(struct facts *f, struct span name, struct span value,
                             enum vocab_source source);
/* One label more; a label already there is no error. ERR_FULL. */
MUST_USE enum err facts_label(struct facts *f, struct span name);

/* Takes the members of object that v declares, that are of their type, and whose declared source is
 * not stronger than source; `to` and `labels` never. The names of all others go to f->ignored.
 * object and doc must outlive f. ERR_TYPE: not an object; ERR_FULL. */
MUST_USE enum err facts_read(struct facts *f, const struct vocab *v, const struct json_doc *doc,
                             const struct json_node *object, enum vocab_source source,
                             struct fault *ret_fault);

/* Takes a whole input object as it stands, as trusted as the gateway's own (tdz policy decide and
 * replay). A `labels` that is not a list of strings counts as none. ERR_TYPE, ERR_FULL. */
MUST_USE enum err facts_input(struct facts *f, const struct json_doc *doc,
                              const struct json_node *object, struct fault *ret_fault);

/* Reads an object of the zone's register (facts of an agreement or a partner) strictly into entries
 * of arena: every member must be declared, of its type, and of source manifest or register. Errors
 * with line and column: ERR_TYPE, ERR_NOT_FOUND (undeclared), ERR_DENIED (only the gateway may say
 * it), ERR_FULL, ERR_NOMEM. */
MUST_USE enum err facts_load(struct arena *arena, const struct vocab *v, const struct json_doc *doc,
                             const struct json_node *object, struct facts_entry **ret_entries,
                             size_t *ret_count, struct fault *ret_fault);

/* Adds those of entries whose name begins with prefix. ERR_FULL. */
MUST_USE enum err facts_apply(struct facts *f, const struct facts_entry *entries, size_t count,
                              struct span prefix);

/* True if the value of e is one that an attribute declared as attr can have. Not of `labels`. */
bool facts_fits(const struct vocab *v, const struct vocab_attr *attr, const struct facts_entry *e);

/* The entry of that name, or NULL. */
const struct facts_entry *facts_get(const struct facts *f, struct span name);

/* The canonical input object of a decision record: all entries and the labels in given order.
 * Replaying it with facts_input gives the same decision. */
void facts_write(const struct facts *f, struct canon *w);

/* The object of those facts only that came from source. */
void facts_write_source(const struct facts *f, enum vocab_source source, struct canon *w);

#endif
