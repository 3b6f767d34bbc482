/* SPDX-License-Identifier: Apache-2.0 */
/* The identifier types by name, what each implies, and the validators of those that this build
 * finds in values. A validator is a pure function of the canonical form: separators out, letters
 * upper-case (email: lower-case). Spec: classification.md 2.1, cli.md Identifier types. */
#ifndef TDZ_INSPECT_IDENT_H
#define TDZ_INSPECT_IDENT_H

#include "inspect/label.h"

/* The first IDENT_FOUND_COUNT are found in values; the others can be declared only. */
enum ident {
    IDENT_PRC_ID,
    IDENT_MYKAD,
    IDENT_CARD,
    IDENT_EMAIL,
    IDENT_PRIVATE_KEY,
    IDENT_AWS_KEY,
    IDENT_FOUND_COUNT,
    IDENT_USCC = IDENT_FOUND_COUNT,
    IDENT_CN_MOBILE,
    IDENT_MY_MOBILE,
    IDENT_VIN,
    IDENT_IMEI,
    IDENT_IPV4,
    IDENT_IPV6,
    IDENT_IBAN,
    IDENT_SSM,
    IDENT_GPS,
    IDENT_MY_TIN,
    IDENT_MY_PLATE,
    IDENT_MY_PASSPORT,
    IDENT_CN_PLATE,
    IDENT_CN_PASSPORT,
    IDENT_HKMO_PERMIT,
    IDENT_HKID,
    IDENT_ALIBABA_KEY,
    IDENT_GITHUB_TOKEN,
    IDENT_GOOGLE_KEY,
    IDENT_JWT,
    IDENT_PERSON_NAME,
    IDENT_ADDRESS,
    IDENT_BIRTH_DATE,
    IDENT_HEALTH,
    IDENT_RELIGION,
    IDENT_ETHNICITY,
    IDENT_BANK_ACCOUNT,
    IDENT_COUNT,
    IDENT_NONE = IDENT_COUNT,
};

#define IDENT_BIT(ident) (UINT32_C(1) << (unsigned)(ident))

/* A private key or address is cut here for counting; every other canonical form is shorter. */
enum { IDENT_CANON_MAX = 320, IDENT_DIGITS_MAX = 19, IDENT_EMAIL_MAX = 254 };

const char *ident_name(enum ident ident);
/* ERR_NOT_FOUND when name is no identifier type. */
MUST_USE enum err ident_find(struct span name, enum ident *ret);
/* The label a value of this type carries, without implied parents. */
enum label ident_label(enum ident ident);
/* True for the types that name a natural person and are counted: prc_id, mykad, card, email. */
bool ident_is_person(enum ident ident);

/* digits[12]: a real date (the century is undecidable) and a place code in use. */
bool ident_mykad_valid(const uint8_t *digits);
/* digits[12] could be a time: the last six as hhmmss, or all as YYYYMMDDhhmm of 19YY or 20YY (the
 * times of 2001 to 2012 in that form are formally valid MyKads as well). */
bool ident_mykad_is_time(const uint8_t *digits);
/* digits[12]: 19YY or 20YY and an entity kind 01 to 06, as in a company number. */
bool ident_mykad_is_company(const uint8_t *digits);

/* text[18], 17 digits and a digit or X: province (or 810000, 820000, 830000, or a permanent
 * residence card: leading 9 and the province after it), a real date from 1870 to 2049, and the
 * check of ISO 7064 MOD 11-2. */
bool ident_prc_valid(const uint8_t *text);
/* digits[15]: province and a real date of 19YY. It has no check. */
bool ident_prc15_valid(const uint8_t *digits);
/* The ISO 7064 MOD 11-2 check character of digits[17]. */
uint8_t ident_prc_check(const uint8_t *digits);
/* The 18 character form of digits[15]: 19 inserted, check appended. */
void ident_prc15_widen(const uint8_t *digits, uint8_t out[static 18]);

/* digits: 13 to 19 of them, a known issuer prefix of that length, and the Luhn check. */
bool ident_card_valid(struct span digits);
/* The Luhn check alone, any length from 2. */
bool ident_luhn(struct span digits);

/* An address local@domain: dot-atom of at most 64 bytes, a host name of at least two labels whose
 * last is letters or punycode, at most 254 bytes. */
bool ident_email_valid(struct span text);

/* The canonical form of value as an identifier of this type, by shape and not by validity: 12
 * digits for mykad, 18 characters for prc_id (15 digits widened), digits for card, lower case for
 * email, with separators (space, hyphen) out. A value of another shape, and every value of a type
 * without separators, is itself without outer spaces. ret_len <= cap; ERR_FULL. */
MUST_USE enum err ident_canonical(enum ident ident, struct span value, uint8_t *out, size_t cap,
                                  size_t *ret_len);

#endif
