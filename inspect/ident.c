/* SPDX-License-Identifier: Apache-2.0 */
#include "inspect/ident.h"

#include <assert.h>

static const struct {
    const char *name;
    enum label label;
} ident_table[IDENT_COUNT] = {
    [IDENT_PRC_ID] = {"prc_id", LABEL_SENSITIVE_PERSONAL},
    [IDENT_MYKAD] = {"mykad", LABEL_PERSONAL},
    [IDENT_CARD] = {"card", LABEL_FINANCIAL_ACCOUNT},
    [IDENT_EMAIL] = {"email", LABEL_PERSONAL},
    [IDENT_PRIVATE_KEY] = {"private_key", LABEL_CREDENTIAL},
    [IDENT_AWS_KEY] = {"aws_key", LABEL_CREDENTIAL},
    [IDENT_USCC] = {"uscc", LABEL_BUSINESS},
    [IDENT_CN_MOBILE] = {"cn_mobile", LABEL_PERSONAL},
    [IDENT_MY_MOBILE] = {"my_mobile", LABEL_PERSONAL},
    [IDENT_VIN] = {"vin", LABEL_PERSONAL},
    [IDENT_IMEI] = {"imei", LABEL_PERSONAL},
    [IDENT_IPV4] = {"ipv4", LABEL_QUASI},
    [IDENT_IPV6] = {"ipv6", LABEL_QUASI},
    [IDENT_IBAN] = {"iban", LABEL_FINANCIAL_ACCOUNT},
    [IDENT_SSM] = {"ssm", LABEL_BUSINESS},
    [IDENT_GPS] = {"gps", LABEL_QUASI},
    [IDENT_MY_TIN] = {"my_tin", LABEL_PERSONAL},
    [IDENT_MY_PLATE] = {"my_plate", LABEL_PERSONAL},
    [IDENT_MY_PASSPORT] = {"my_passport", LABEL_SENSITIVE_PERSONAL},
    [IDENT_CN_PLATE] = {"cn_plate", LABEL_PERSONAL},
    [IDENT_CN_PASSPORT] = {"cn_passport", LABEL_SENSITIVE_PERSONAL},
    [IDENT_HKMO_PERMIT] = {"hkmo_permit", LABEL_SENSITIVE_PERSONAL},
    [IDENT_HKID] = {"hkid", LABEL_SENSITIVE_PERSONAL},
    [IDENT_ALIBABA_KEY] = {"alibaba_key", LABEL_CREDENTIAL},
    [IDENT_GITHUB_TOKEN] = {"github_token", LABEL_CREDENTIAL},
    [IDENT_GOOGLE_KEY] = {"google_key", LABEL_CREDENTIAL},
    [IDENT_JWT] = {"jwt", LABEL_CREDENTIAL},
    [IDENT_PERSON_NAME] = {"person_name", LABEL_PERSONAL},
    [IDENT_ADDRESS] = {"address", LABEL_PERSONAL},
    [IDENT_BIRTH_DATE] = {"birth_date", LABEL_PERSONAL},
    [IDENT_HEALTH] = {"health", LABEL_HEALTH},
    [IDENT_RELIGION] = {"religion", LABEL_RELIGION},
    [IDENT_ETHNICITY] = {"ethnicity", LABEL_RELIGION},
    [IDENT_BANK_ACCOUNT] = {"bank_account", LABEL_FINANCIAL_ACCOUNT},
};

const char *
ident_name(enum ident ident)
{
    assert((unsigned)ident < IDENT_COUNT);
    return ident_table[ident].name;
}

enum err
ident_find(struct span name, enum ident *ret)
{
    for (unsigned i = 0; i < IDENT_COUNT; i++) {
        if (span_eq_str(name, ident_table[i].name)) {
            *ret = (enum ident)i;
            return ERR_OK;
        }
    }
    return ERR_NOT_FOUND;
}

enum label
ident_label(enum ident ident)
{
    assert((unsigned)ident < IDENT_COUNT);
    return ident_table[ident].label;
}

bool
ident_is_person(enum ident ident)
{
    return ident == IDENT_PRC_ID || ident == IDENT_MYKAD || ident == IDENT_CARD ||
           ident == IDENT_EMAIL;
}

static unsigned
ident_two(const uint8_t *digits)
{
    return (unsigned)(digits[0] - '0') * 10U + (unsigned)(digits[1] - '0');
}

/* leap: February may have 29 days. */
static bool
ident_date(unsigned month, unsigned day, bool leap)
{
    static const uint8_t days[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (month < 1 || month > 12 || day < 1)
        return false;
    return day <= days[month] + (month == 2 && leap ? 1U : 0U);
}

/* 85 of 100 codes are in use; the rest were never given out. Spec: classification.md 2.1. */
static bool
ident_mykad_place(unsigned code)
{
    static const uint8_t unused[] = {0, 17, 18, 19, 20, 65, 69, 70, 73, 80, 81, 94, 95, 96, 97};
    for (size_t i = 0; i < sizeof(unused); i++)
        if (code == unused[i])
            return false;
    return true;
}

bool
ident_mykad_valid(const uint8_t *digits)
{
    /* Of 1900 and 2000 only the second is leap, and either may be meant. */
    const bool leap = ident_two(digits) % 4 == 0;
    return ident_date(ident_two(digits + 2), ident_two(digits + 4), leap) &&
           ident_mykad_place(ident_two(digits + 6));
}

bool
ident_mykad_is_time(const uint8_t *digits)
{
    if (ident_two(digits + 6) <= 23 && digits[8] < '6' && digits[10] < '6')
        return true;
    const unsigned century = ident_two(digits);
    return (century == 19 || century == 20) && ident_two(digits + 8) <= 23 && digits[10] < '6' &&
           ident_date(ident_two(digits + 4), ident_two(digits + 6), true);
}

bool
ident_mykad_is_company(const uint8_t *digits)
{
    const unsigned century = ident_two(digits);
    const unsigned kind = ident_two(digits + 4);
    return (century == 19 || century == 20) && kind >= 1 && kind <= 6;
}

static bool
ident_prc_province(unsigned code)
{
    /* The first digit is a region, the second counts its provinces; 71 is Taiwan, 81 to 83 are the
     * residence permits. The full county table is not used: genuine old codes are missing in it. */
    static const uint8_t last[10] = {0, 15, 23, 37, 46, 54, 65, 71, 83, 0};
    const unsigned region = code / 10;
    return code == 50 || (region < 10 && code > region * 10 && code <= last[region]);
}

uint8_t
ident_prc_check(const uint8_t *digits)
{
    static const uint8_t weight[17] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
    unsigned sum = 0;
    for (size_t i = 0; i < 17; i++)
        sum += (unsigned)(digits[i] - '0') * weight[i];
    return (uint8_t) "10X98765432"[sum % 11];
}

bool
ident_prc_valid(const uint8_t *text)
{
    const unsigned region = text[0] == '9' ? ident_two(text + 1) : ident_two(text);
    if (!ident_prc_province(region))
        return false;
    /* The residence permits have no county: 810000, 820000, 830000. */
    if (text[0] == '8' && memcmp(text + 2, "0000", 4) != 0)
        return false;
    const unsigned year = ident_two(text + 6) * 100 + ident_two(text + 8);
    if (year < 1870 || year > 2049)
        return false;
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (!ident_date(ident_two(text + 10), ident_two(text + 12), leap))
        return false;
    return text[17] == ident_prc_check(text);
}

bool
ident_prc15_valid(const uint8_t *digits)
{
    const unsigned year = ident_two(digits + 6);
    return digits[0] != '8' && ident_prc_province(ident_two(digits)) &&
           ident_date(ident_two(digits + 8), ident_two(digits + 10), year % 4 == 0 && year != 0);
}

void
ident_prc15_widen(const uint8_t *digits, uint8_t out[static 18])
{
    memcpy(out, digits, 6);
    out[6] = '1';
    out[7] = '9';
    memcpy(out + 8, digits + 6, 9);
    out[17] = ident_prc_check(out);
}

bool
ident_luhn(struct span digits)
{
    unsigned sum = 0;
    if (digits.len < 2)
        return false;
    for (size_t i = 0; i < digits.len; i++) {
        unsigned value = (unsigned)(digits.ptr[digits.len - 1 - i] - '0');
        if (i % 2 == 1)
            value = value > 4 ? value * 2 - 9 : value * 2;
        sum += value;
    }
    return sum % 10 == 0;
}

/* Issuer prefixes with the lengths in use. Spec: classification.md 2.1. */
static bool
ident_card_issuer(const uint8_t *d, size_t len)
{
    const unsigned two = ident_two(d);
    const unsigned four = two * 100 + ident_two(d + 2);
    if (d[0] == '4')
        return len == 13 || len == 16 || len == 19;
    if ((two >= 51 && two <= 55) || (four >= 2221 && four <= 2720))
        return len == 16;
    if (two == 34 || two == 37)
        return len == 15;
    if (four >= 3528 && four <= 3589)
        return len >= 16;
    if (four == 6011 || two == 65 || two == 62)
        return len >= 16;
    return false;
}

bool
ident_card_valid(struct span digits)
{
    if (digits.len < 13 || digits.len > 19)
        return false;
    return ident_card_issuer(digits.ptr, digits.len) && ident_luhn(digits);
}

static bool
ident_is_alnum(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
ident_email_local(struct span local)
{
    if (local.len == 0 || local.len > 64 || local.ptr[0] == '.' || local.ptr[local.len - 1] == '.')
        return false;
    for (size_t i = 0; i < local.len; i++) {
        const uint8_t c = local.ptr[i];
        if (c == '.' && local.ptr[i - 1] == '.')
            return false;
        if (!ident_is_alnum(c) && (c == 0 || strchr(".!#$%&'*+/=?^_`{|}~-", c) == NULL))
            return false;
    }
    return true;
}

static bool
ident_email_domain(struct span domain)
{
    size_t start = 0;
    size_t labels = 0;
    bool letters = false;
    for (size_t i = 0; i <= domain.len; i++) {
        if (i < domain.len && domain.ptr[i] != '.') {
            const uint8_t c = domain.ptr[i];
            if (!ident_is_alnum(c) && c != '-')
                return false;
            continue;
        }
        const size_t len = i - start;
        if (len == 0 || len > 63 || domain.ptr[start] == '-' || domain.ptr[i - 1] == '-')
            return false;
        labels++;
        letters = domain.ptr[start] > '9' && len >= 2;
        for (size_t k = start; k < i && len < 4; k++)
            letters = letters && domain.ptr[k] > '9';
        start = i + 1;
    }
    return labels >= 2 && letters;
}

bool
ident_email_valid(struct span text)
{
    if (text.len < 6 || text.len > IDENT_EMAIL_MAX)
        return false;
    const uint8_t *at = memchr(text.ptr, '@', text.len);
    if (at == NULL)
        return false;
    const size_t local = (size_t)(at - text.ptr);
    return ident_email_local(span_of(text.ptr, local)) &&
           ident_email_domain(span_from(text, local + 1));
}

static struct span
ident_trim(struct span s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
        s = span_from(s, 1);
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/* The digits of value (and a last X) without separators; false if it holds anything else. */
static bool
ident_digits(struct span value, uint8_t out[static 20], size_t *ret_len)
{
    size_t len = 0;
    for (size_t i = 0; i < value.len; i++) {
        const uint8_t c = value.ptr[i];
        if (c == '-' || c == ' ')
            continue;
        const bool is_last_x = (c == 'x' || c == 'X') && len == 17 && i + 1 == value.len;
        if (len == 19 || (!is_last_x && (c < '0' || c > '9')))
            return false;
        out[len++] = is_last_x ? 'X' : c;
    }
    *ret_len = len;
    return true;
}

enum err
ident_canonical(enum ident ident, struct span value, uint8_t *out, size_t cap, size_t *ret_len)
{
    uint8_t digits[20];
    uint8_t wide[18];
    size_t len = 0;
    struct span canon = ident_trim(value);
    const bool is_number = ident == IDENT_MYKAD || ident == IDENT_PRC_ID || ident == IDENT_CARD;
    if (is_number && ident_digits(canon, digits, &len)) {
        const bool has_x = len == 18 && digits[17] == 'X';
        if (ident == IDENT_MYKAD && len == 12)
            canon = span_of(digits, 12);
        if (ident == IDENT_CARD && len >= 13 && !has_x)
            canon = span_of(digits, len);
        if (ident == IDENT_PRC_ID && len == 18)
            canon = span_of(digits, 18);
        if (ident == IDENT_PRC_ID && len == 15) {
            ident_prc15_widen(digits, wide);
            canon = span_of(wide, 18);
        }
    }
    if (canon.len > cap)
        return ERR_FULL;
    for (size_t i = 0; i < canon.len; i++) {
        const uint8_t c = canon.ptr[i];
        out[i] = ident == IDENT_EMAIL && c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
    }
    *ret_len = canon.len;
    return ERR_OK;
}
