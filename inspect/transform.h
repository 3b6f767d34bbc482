/* SPDX-License-Identifier: Apache-2.0 */
/* Stream obligations as actions on declared columns, and what each action makes of a cell.
 * Spec: formats.md (Obligations of v1). */
#ifndef TDZ_INSPECT_TRANSFORM_H
#define TDZ_INSPECT_TRANSFORM_H

#include "inspect/fieldset.h"

/* From weakest to strongest: of two that name one column the stronger is performed. */
enum transform {
    TRANSFORM_NONE,
    TRANSFORM_MASK,
    TRANSFORM_TOKENISE,
    TRANSFORM_REDACT,
    TRANSFORM_DROP,
};

enum { TRANSFORM_TOKEN_BYTES = 30, TRANSFORM_KEY_BYTES = 32 };

/* The name in a policy ("mask"), static text; "none" for TRANSFORM_NONE. */
const char *transform_name(enum transform transform);
/* mask, tokenise, redact, drop; ERR_NOT_FOUND. */
MUST_USE enum err transform_find(struct span name, enum transform *ret);

/* Raises actions[f->field_count] to transform for every declared column that selector names: an
 * identifier type (x-identifier), class:<class> (x-class is it or implies it), column:<name>. A
 * selector that names no declared column changes nothing. ERR_NOT_FOUND: it is none of these, or
 * names an unknown class or type. */
MUST_USE enum err transform_select(const struct fieldset *f, enum transform transform,
                                   struct span selector, uint8_t *actions);

/* tkn_ and 26 base32 characters of HMAC-SHA-256(key, type || 0 || canonical value)[0..16]. type is
 * the identifier's name, empty for IDENT_NONE. value is the cell's text, quotes undoubled, at most
 * 8192 bytes (ERR_TOO_LARGE). mac_init must have been called (ERR_STATE). ERR_CRYPTO. */
MUST_USE enum err transform_token(const uint8_t key[static TRANSFORM_KEY_BYTES], enum ident ident,
                                  struct span value,
                                  uint8_t ret_token[static TRANSFORM_TOKEN_BYTES]);

/* True if text is a token by its form. */
bool transform_is_token(struct span text);

/* The masked form of a cell as stored in out[cell.len]: every character but the last two becomes
 * '*' (a character is a UTF-8 sequence, or a doubled quote when quoted). Returns its length. */
size_t transform_mask(struct span cell, bool quoted, uint8_t *out);

/* True if text, as stored, is what transform_mask makes. */
bool transform_is_masked(struct span cell, bool quoted);

/* Copies cell to out[cell.len] with doubled quotes made single when quoted; returns the length. */
size_t transform_unquote(struct span cell, bool quoted, uint8_t *out);

#endif
