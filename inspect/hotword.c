/* SPDX-License-Identifier: Apache-2.0 */
#include "inspect/hotword.h"

#include <assert.h>

enum {
    HOT_M = 1 << IDENT_MYKAD,
    HOT_P = 1 << IDENT_PRC_ID,
    HOT_C = 1 << IDENT_CARD,
};

/* Lower case. A space in a word stands for any one of space, underscore, hyphen, dot, or for
 * nothing between letters ("no kp" finds no_kp, no.kp and nokp). */
static const struct {
    const char *word;
    uint32_t set;
} hotword_table[] = {
    {"nric", HOT_M},
    {"mykad", HOT_M},
    {"my kad", HOT_M},
    {"mypr", HOT_M},
    {"ic", HOT_M},
    {"ic no", HOT_M},
    {"ic num", HOT_M},
    {"ic number", HOT_M},
    {"no ic", HOT_M},
    {"identity card", HOT_M | HOT_P},
    {"identity no", HOT_M | HOT_P},
    {"identity number", HOT_M | HOT_P},
    {"identification no", HOT_M | HOT_P},
    {"identification number", HOT_M | HOT_P},
    {"national id", HOT_M | HOT_P},
    {"id card", HOT_M | HOT_P},
    {"id no", HOT_M | HOT_P},
    {"id number", HOT_M | HOT_P},
    {"kad pengenalan", HOT_M | HOT_P},
    {"pengenalan diri", HOT_M | HOT_P},
    {"no kp", HOT_M | HOT_P},
    {"k/p", HOT_M | HOT_P},
    {"kp", HOT_M | HOT_P},
    {"\xe5\xa4\xa7\xe9\xa9\xac\xe8\xba\xab\xe4\xbb\xbd\xe8\xaf\x81", HOT_M},
    {"\xe8\xba\xab\xe4\xbb\xbd\xe8\xaf\x81", HOT_M | HOT_P},
    {"\xe8\xba\xab\xe4\xbb\xbd\xe8\xad\x89", HOT_M | HOT_P},
    {"\xe8\xba\xab\xe5\x88\x86\xe8\xad\x89", HOT_M | HOT_P},
    {"\xe5\x85\xac\xe6\xb0\x91\xe8\xba\xab\xe4\xbb\xbd\xe5\x8f\xb7", HOT_P},
    {"\xe8\xaf\x81\xe4\xbb\xb6\xe5\x8f\xb7", HOT_P},
    {"\xe8\xaf\x81\xe4\xbb\xb6\xe5\x8f\xb7\xe7\xa0\x81", HOT_P},
    {"\xe8\xad\x89\xe4\xbb\xb6\xe8\x99\x9f", HOT_P},
    {"card", HOT_C},
    {"card no", HOT_C},
    {"card number", HOT_C},
    {"credit card", HOT_C},
    {"debit card", HOT_C},
    {"pan", HOT_C},
    {"visa", HOT_C},
    {"mastercard", HOT_C},
    {"amex", HOT_C},
    {"unionpay", HOT_C},
    {"kad", HOT_C},
    {"kad kredit", HOT_C},
    {"no kad", HOT_C},
    {"\xe9\x93\xb6\xe8\xa1\x8c\xe5\x8d\xa1", HOT_C},
    {"\xe4\xbf\xa1\xe7\x94\xa8\xe5\x8d\xa1", HOT_C},
    {"\xe5\x8d\xa1\xe5\x8f\xb7", HOT_C},
    {"\xe5\x8d\xa1\xe8\x99\x9f", HOT_C},
};

static const size_t hotword_len = sizeof(hotword_table) / sizeof(hotword_table[0]);

static uint8_t
hotword_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

static bool
hotword_is_letter(uint8_t c)
{
    return hotword_lower(c) >= 'a' && hotword_lower(c) <= 'z';
}

/* Bytes of text that word matches at its start, 0 for none. */
static size_t
hotword_match(struct span text, const char *word)
{
    size_t at = 0;
    for (; *word != '\0'; word++) {
        const uint8_t c = at < text.len ? hotword_lower(text.ptr[at]) : 0;
        if (*word == ' ') {
            while (at < text.len && strchr(" _-.", text.ptr[at]) != NULL && text.ptr[at] != 0)
                at++;
            continue;
        }
        if (at >= text.len || c != (uint8_t)*word)
            return 0;
        at++;
    }
    return at;
}

uint32_t
hotword_find(struct span text)
{
    uint32_t found = 0;
    for (size_t at = 0; at < text.len; at++) {
        const uint8_t c = hotword_lower(text.ptr[at]);
        const bool letter = hotword_is_letter(c);
        if (!letter && c < 0x80)
            continue;
        if (letter && at > 0 && hotword_is_letter(text.ptr[at - 1]) &&
            !(text.ptr[at] < 'a' && text.ptr[at - 1] >= 'a'))
            continue; /* inside a word; a capital after a small letter (patientIc) begins one */
        for (size_t i = 0; i < hotword_len; i++) {
            const char *word = hotword_table[i].word;
            if ((uint8_t)word[0] != c || (found & hotword_table[i].set) == hotword_table[i].set)
                continue;
            const size_t len = hotword_match(span_from(text, at), word);
            const bool ends =
                len > 0 &&
                (!letter || at + len == text.len || !hotword_is_letter(text.ptr[at + len]) ||
                 (text.ptr[at + len] < 'a' && text.ptr[at + len - 1] > 'Z'));
            if (ends)
                found |= hotword_table[i].set;
        }
    }
    return found;
}

size_t
hotword_count(void)
{
    return hotword_len;
}

void
hotword_entry(size_t i, struct span *ret_word, uint32_t *ret_set)
{
    assert(i < hotword_len);
    *ret_word = span_str(hotword_table[i].word);
    *ret_set = hotword_table[i].set;
}
