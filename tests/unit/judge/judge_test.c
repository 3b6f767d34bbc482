/* SPDX-License-Identifier: Apache-2.0 */
/* Two judges, one a zone, over the packs of the tree; the test plays every other role. */
#include "tests/unit/judge/judgekit.h"

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

static void
test_preflight(void)
{
    struct p_preflighted told;
    TEST("a dataset under its agreement may be sent, and keeper is told what to sign")
    {
        const struct p_preflight p = preflight_good();
        CHECK_EQ(TELL(&my, ROLE_CLERK, PREFLIGHT, preflight, &p, transfer, nothing), ERR_OK);
        CHECK(ANSWER(&my, preflighted, &told));
        printf("# %.*s\n# code %.*s %.*s verdict %d\n", (int)told.decision.len,
               (const char *)told.decision.ptr, (int)told.code.len, (const char *)told.code.ptr,
               (int)told.detail.len, (const char *)told.detail.ptr, told.verdict);
        printf("# spec %.*s\n", (int)told.spec.len, (const char *)told.spec.ptr);
        CHECK(told.verdict != VERDICT_DENY);
        CHECK_EQ(my.to_keeper.type, MSG_PRE);
    }
}

int
main(int argc, char **argv)
{
    if (argc != 2 || crypto_init() != ERR_OK)
        return 1;
    kit_keys(&my, 1);
    kit_keys(&cn, 101);
    kit_files(&my, argv[1], "my", &my, &cn);
    kit_files(&cn, argv[1], "cn", &my, &cn);
    kit_start(&my, "my-cyberjaya");
    kit_start(&cn, "cn-lingang");
    test_preflight();
    judge_finish(&my.j);
    judge_finish(&cn.j);
    return test_end();
}
