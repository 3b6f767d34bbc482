/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: report_read report_observed */
/* What is accepted can be told in the room there is for it, and holds only labels of the
 * vocabulary. */
#include "crypto/digest.h"
#include "fuzz/fuzz.h"
#include "inspect/report.h"

static struct report_scratch scratch;
static struct report report;
static char told[REPORT_OBSERVED_MAX];

static bool
known(const void *ctx, struct span name)
{
    (void)ctx;
    return span_eq_str(name, "email") || span_eq_str(name, "n");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct canon w;
    struct span json;
    if (digest_init() != ERR_OK)
        return 0;
    if (report_read(span_of(data, len), known, NULL, &scratch, &report, NULL) != ERR_OK)
        return 0;
    FUZZ_MUST(report.out.present && report.out.labels < LABEL_BIT(LABEL_COUNT));
    canon_init(&w, told, sizeof(told));
    report_observed(&report, &report.out, &w);
    FUZZ_MUST(canon_finish(&w, &json) == ERR_OK);
    return 0;
}
