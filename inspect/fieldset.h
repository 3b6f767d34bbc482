/* SPDX-License-Identifier: Apache-2.0 */
/* The schema of an agreement: the declared columns of a dataset, read from the agreement's JSON
 * ("schema" and "ceilings"). Names are copied; nothing points into the input afterwards.
 * Spec: formats.md Agreement. */
#ifndef TDZ_INSPECT_FIELDSET_H
#define TDZ_INSPECT_FIELDSET_H

#include "inspect/ident.h"
#include "schemas/json.h"

enum { FIELDSET_MAX = 1024, FIELDSET_NAME_MAX = 255, FIELDSET_TEXT_MAX = 64 * 1024 };

enum fieldset_format {
    FIELDSET_CSV,
    FIELDSET_NDJSON,
    FIELDSET_JSON,
    FIELDSET_TEXT,
    FIELDSET_OPAQUE,
};

struct fieldset_field {
    uint32_t name_at; /* in fieldset.text */
    uint32_t name_len;
    uint8_t label; /* enum label: x-class */
    uint8_t ident; /* enum ident: x-identifier, IDENT_NONE without */
    bool pseudonymised;
};

struct fieldset {
    enum fieldset_format format;
    bool additional; /* undeclared columns are allowed; they count as declared business */
    size_t field_count;
    struct fieldset_field fields[FIELDSET_MAX];
    size_t text_len;
    uint8_t text[FIELDSET_TEXT_MAX];
    /* Ceilings; UINT64_MAX: none. */
    uint64_t bytes_max;
    uint64_t rows_max;
    uint64_t persons_max;
};

/* No ceilings, no fields, additional columns allowed, format csv. */
void fieldset_init(struct fieldset *f);

/* Reads node, the object of member "schema" of an agreement: format, fields[{name, type, x-class,
 * x-identifier?, pseudonymised?}], additional. Other members of a field whose name begins with "x-"
 * and "description" are skipped; any other is ERR_UNKNOWN_FIELD. ERR_MISSING, ERR_TYPE, ERR_RANGE
 * (an empty or over-long name, a "type" over 64 bytes), ERR_NOT_FOUND (a format, class or
 * identifier that is none), ERR_DUPLICATE (a name twice, letter case aside), ERR_FULL (more fields
 * or text than the limits). On error f is unspecified. */
MUST_USE enum err fieldset_read(struct fieldset *f, const struct json_doc *doc,
                                const struct json_node *node, struct fault *ret_fault);

/* Reads node, the object of member "ceilings": bytes, rows, persons, each optional, an integer of
 * at least 0. Errors as above. */
MUST_USE enum err fieldset_ceilings(struct fieldset *f, const struct json_doc *doc,
                                    const struct json_node *node, struct fault *ret_fault);

/* A whole file: a schema object as above, or an agreement that holds one (with its ceilings). */
MUST_USE enum err fieldset_load(struct fieldset *f, struct span json, struct fault *ret_fault);

/* The name of field i. */
struct span fieldset_name(const struct fieldset *f, size_t i);

/* The field of that name, ASCII letters in any case; FIELDSET_MAX if there is none. */
size_t fieldset_find(const struct fieldset *f, struct span name);

#endif
