/* SPDX-License-Identifier: Apache-2.0 */
/* One export of hospital-kl under oncology-2026, as the other roles tell judge of it. */
#ifndef TDZ_TESTS_UNIT_JUDGE_JUDGECASE_H
#define TDZ_TESTS_UNIT_JUDGE_JUDGECASE_H

#include "tests/unit/judge/judgezone.h"

static struct kit my;
static struct kit cn;
static const uint8_t transfer[16] = {0xaa, 1};
static const struct span nothing = {NULL, 0};

static struct p_preflight
preflight_good(void)
{
    return (struct p_preflight){.partner = SPAN_LIT("hospital-kl"),
                                .agreement = SPAN_LIT("oncology-2026"),
                                .name = SPAN_LIT("2026-06.csv"),
                                .facts = SPAN_LIT("{}"),
                                .length = 1000,
                                .counters = 1,
                                .count_pi = 3,
                                .count_spi = 3};
}

static const char table[] =
    "mykad,name,birth_date,phone,email,sex,diagnosis,icd10,stage,treatment,visit_date,ward,"
    "hospital\n"
    "900101-14-5675,Ali,1990-01-01,012-3456789,a@b.org,M,x,C50,2,y,2026-01-02,W1,KL\n"
    "910202-14-5676,Siti,1991-02-02,012-3456780,c@d.org,F,x,C50,1,y,2026-01-03,W2,KL\n";

static uint8_t offer_id[32];
static uint8_t spec_hash[32];
static char report[1 << 16];
static struct span findings;
static struct report_scratch scratch;
static struct report seen;

static bool
any_name(const void *ctx, struct span name)
{
    (void)ctx;
    return name.len > 0;
}

/* What an inspector makes of the table under spec; data leaves in out. */
static struct span
inspect(struct span spec, const char *data, size_t len, char *buf, size_t cap, uint8_t *out,
        size_t *ret_out)
{
    static struct inspectspec_scratch spec_scratch;
    static struct inspectspec s;
    static char tmp[1 << 16];
    const uint8_t key[32] = {1};
    struct inspection *in = NULL;
    struct inspection *after = NULL;
    size_t used = 0;
    size_t more = 0;
    size_t none = 0;
    struct span json = {NULL, 0};
    CHECK_EQ(inspectspec_read(spec, &spec_scratch, &s, NULL), ERR_OK);
    struct inspection_config c = {.stage = s.is_import ? INSPECTION_OUT : INSPECTION_IN,
                                  .fields = &s.fields,
                                  .actions = s.actions,
                                  .token_key = key,
                                  .counting_key = key};
    CHECK_EQ(digest_sha256(spec, spec_hash), ERR_OK);
    CHECK_EQ(inspection_new(1000, &in), ERR_OK);
    CHECK_EQ(inspection_start(in, &c), ERR_OK);
    CHECK_EQ(inspection_feed(in, span_of(data, len), &used, out, 65536, ret_out), ERR_OK);
    CHECK_EQ(inspection_finish(in, out + *ret_out, 65536 - *ret_out, &more), ERR_OK);
    *ret_out += more;
    if (!s.is_import) {
        c.stage = INSPECTION_OUT;
        CHECK_EQ(inspection_new(1000, &after), ERR_OK);
        CHECK_EQ(inspection_start(after, &c), ERR_OK);
        CHECK_EQ(inspection_feed(after, span_of(out, *ret_out), &used, NULL, 0, &none), ERR_OK);
        CHECK_EQ(inspection_finish(after, NULL, 0, &none), ERR_OK);
        CHECK_EQ(report_write(findings_of(in), findings_of(after), spec_hash, len, *ret_out, buf,
                              cap, tmp, &json),
                 ERR_OK);
    } else {
        CHECK_EQ(report_write(NULL, findings_of(in), spec_hash, len, len, buf, cap, tmp, &json),
                 ERR_OK);
    }
    inspection_free(in);
    inspection_free(after);
    return json;
}

static uint8_t leaves[65536];
static size_t leaves_len;

static struct p_sealed
sealed_good(void)
{
    static const uint8_t prefix[BODY_PREFIX_BYTES] = {4};
    struct p_sealed p = {.suite = 1,
                         .salt_commit = span_of(prefix, sizeof(prefix)),
                         .chunks = leaves_len / 16384 + 1,
                         .plaintext_len = leaves_len,
                         .root = {8},
                         .sealed_at = NOW_MS / 1000};
    memcpy(p.offer_hash, offer_id, 32);
    return p;
}

static enum err
tell_findings(struct kit *k, enum role_id from, uint8_t twist)
{
    struct p_findings p;
    CHECK_EQ(report_read(findings, any_name, NULL, &scratch, &seen, NULL), ERR_OK);
    p = (struct p_findings){.bytes_in = seen.bytes_in, .bytes_out = seen.bytes_out};
    memcpy(p.offer_hash, offer_id, 32);
    memcpy(p.spec_hash, spec_hash, 32);
    CHECK_EQ(digest_sha256(findings, p.findings_hash), ERR_OK);
    p.findings_hash[0] ^= twist;
    return TELL(k, from, FINDINGS, findings, &p, transfer, findings);
}

static struct p_decide
decide_good(enum direction direction, uint16_t n)
{
    struct p_decide p = {
        .direction = (uint8_t)direction, .n = n, .counters = 1, .after_pi = 5, .after_spi = 5};
    memcpy(p.offer_hash, offer_id, 32);
    return p;
}

static struct p_decided
decide(struct kit *k, const struct p_decide *p)
{
    struct p_decided told = {.err = 0xffff};
    CHECK_EQ(TELL(k, ROLE_CLERK, DECIDE, decide, p, transfer, nothing), ERR_OK);
    CHECK(ANSWER(k, decided, &told));
    return told;
}

#endif
