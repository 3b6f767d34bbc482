/* SPDX-License-Identifier: Apache-2.0 */
/* Is there an identifier in a short string that will be shown and logged: a dataset's name, a fact?
 * Spec: design.md 3 step 3 (403 name-contains-identifier). */
#ifndef TDZ_INSPECT_NAMETEST_H
#define TDZ_INSPECT_NAMETEST_H

#include "inspect/ident.h"

enum { NAMETEST_MAX = 8192 };

/* True if text holds a strong identifier: any secret or address, a number that passes a check that
 * chance seldom passes, or a MyKad, old resident number or card in its written groups or after a
 * word that names it, or a valid MyKad in bare digits that is no time. Longer text than
 * NAMETEST_MAX is true: nobody read it. ret_ident (may be NULL) is written when true. */
bool nametest_has_identifier(struct span text, enum ident *ret_ident);

#endif
