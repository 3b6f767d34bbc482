/* SPDX-License-Identifier: Apache-2.0 */
/* Policies, vocabularies and lists by the hash of their exact bytes, from folders an auditor was
 * given: what decision records name. */
#ifndef TDZ_TOOLS_AUDIT_DOCUMENTS_H
#define TDZ_TOOLS_AUDIT_DOCUMENTS_H

#include "policy/decide.h"

enum { AUDIT_DOCUMENTS_MAX = 65536 };

struct audit_document {
    uint8_t sha256[32];
    char *path;
    char *bytes;
    size_t len;
    struct vocab *vocab; /* made when first asked for */
    struct source *source;
    struct list *list;
};

struct audit_documents {
    struct audit_document *items; /* sorted by hash */
    size_t count;
    size_t cap;
};

/* Every *.json of at most 1 MiB below root, whatever it is. Files that cannot be read are left out:
 * what is missing shows when it is asked for. ERR_IO: root itself; ERR_FULL; ERR_NOMEM. */
MUST_USE enum err audit_documents_add(struct audit_documents *d, const char *root);
void audit_documents_finish(struct audit_documents *d);

const struct audit_document *audit_documents_find(const struct audit_documents *d,
                                                  const uint8_t sha256[static 32]);
/* Read once and kept. ERR_NOT_FOUND: no file has this hash; ERR_NOMEM; the errors of the readers. A
 * document is read with the vocabulary of the first call. */
MUST_USE enum err audit_documents_vocab(struct audit_documents *d, const uint8_t sha256[static 32],
                                        const struct vocab **ret);
MUST_USE enum err audit_documents_source(struct audit_documents *d, const uint8_t sha256[static 32],
                                         const struct vocab *v, const struct source **ret);
MUST_USE enum err audit_documents_list(struct audit_documents *d, const uint8_t sha256[static 32],
                                       const struct list **ret);

#endif
