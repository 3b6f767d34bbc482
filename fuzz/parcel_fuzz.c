/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: parcel_read parcel_write payload_permit_get payload_sealed_get */
/* What is read as a parcel is written again to the same bytes. The first byte chooses. */
#include "fuzz/fuzz.h"
#include "gateway/core/parcel.h"

static uint8_t back[PARCEL_BYTES_MAX];

static void
fuzz_parcel(struct span in)
{
    struct parcel parcel;
    struct span again;
    if (parcel_read(in, &parcel) != ERR_OK)
        return;
    FUZZ_MUST(parcel_write(&parcel, back, sizeof(back), &again) == ERR_OK);
    FUZZ_MUST(span_eq(again, in));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct p_permit permit;
    struct p_sealed sealed;
    if (size == 0)
        return 0;
    const struct span in = span_of(data + 1, size - 1);
    if (data[0] % 3 == 0)
        fuzz_parcel(in);
    else if (data[0] % 3 == 1)
        (void)!payload_permit_get(in, &permit);
    else
        (void)!payload_sealed_get(in, &sealed);
    return 0;
}
