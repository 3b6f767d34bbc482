/* SPDX-License-Identifier: Apache-2.0 */
/* Words that say what a number beside them is: in a column's header, or shortly before a number in
 * free text; English, Malay, Chinese. Spec: classification.md 2.1 (context words). */
#ifndef TDZ_INSPECT_HOTWORD_H
#define TDZ_INSPECT_HOTWORD_H

#include "inspect/ident.h"

/* Bytes of text before a number that are searched for words. */
enum { HOTWORD_BEFORE = 64 };

/* The set of IDENT_BIT of the types that words in text speak of. ASCII letters in any case; a word
 * of ASCII letters counts only where no other letter touches it. text is any bytes. */
uint32_t hotword_find(struct span text);

/* The number of entries and entry i, for the ruleset digest; i in range (asserted). */
size_t hotword_count(void);
void hotword_entry(size_t i, struct span *ret_word, uint32_t *ret_set);

#endif
