/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/core/parcel.h"
#include "tests/test.h"

static uint8_t buf[PARCEL_BYTES_MAX + 1];
static uint8_t large[PARCEL_BYTES_MAX];
static uint8_t hashes[PARCEL_CONSISTENCY_MAX + 32];

static struct parcel
example(void)
{
    return (struct parcel){.kind = PARCEL_RECEIPT,
                           .record = SPAN_LIT("RECORD"),
                           .entry = SPAN_LIT("{}"),
                           .proof = SPAN_LIT("c2sp.org/tlog-proof@v1\n"),
                           .old_size = 7,
                           .consistency = span_of(hashes, 64),
                           .cosignature = SPAN_LIT("\xe2\x80\x94 name sig\n")};
}

static void
test_good(void)
{
    TEST("a parcel comes back as it was written, byte by byte as specified")
    {
        const struct parcel in = example();
        struct parcel out = {0};
        struct span bytes = {0};
        hashes[0] = 9;
        CHECK_EQ(parcel_write(&in, buf, sizeof(buf), &bytes), ERR_OK);
        CHECK(bytes.len > 13 && buf[0] == 0 && buf[1] == 1 && buf[2] == PARCEL_RECEIPT);
        CHECK(buf[6] == 6 && memcmp(buf + 7, "RECORD", 6) == 0);
        CHECK_EQ(parcel_read(bytes, &out), ERR_OK);
        CHECK(out.kind == PARCEL_RECEIPT && out.old_size == 7);
        CHECK(span_eq(out.record, in.record) && span_eq(out.entry, in.entry));
        CHECK(span_eq(out.proof, in.proof) && span_eq(out.consistency, in.consistency));
        CHECK(span_eq(out.cosignature, in.cosignature));
    }
    TEST("a parcel that does not fit is not written")
    {
        struct parcel in = example();
        struct span bytes = {0};
        CHECK_EQ(parcel_write(&in, buf, 20, &bytes), ERR_FULL);
        in.record = span_of(large, sizeof(large));
        CHECK_EQ(parcel_write(&in, buf, sizeof(buf), &bytes), ERR_FULL);
        CHECK(bytes.ptr == NULL);
    }
}

static void
test_bad(void)
{
    TEST("every cut of a parcel is too short, and a byte more is one too many")
    {
        const struct parcel in = example();
        struct parcel out = {0};
        struct span bytes = {0};
        CHECK_EQ(parcel_write(&in, buf, sizeof(buf), &bytes), ERR_OK);
        for (size_t len = 2; len < bytes.len; len++)
            CHECK_EQ(parcel_read(span_of(buf, len), &out), ERR_SHORT);
        buf[bytes.len] = 0;
        CHECK_EQ(parcel_read(span_of(buf, bytes.len + 1), &out), ERR_TRAILING);
        CHECK_EQ(parcel_read(span_of(large, sizeof(large)), &out), ERR_VERSION);
        CHECK_EQ(parcel_read(span_of(buf, sizeof(buf)), &out), ERR_TOO_LARGE);
        CHECK(out.record.ptr == NULL);
    }
    TEST("another version, an unknown kind and parts that cannot be are refused")
    {
        struct parcel in = example();
        struct parcel out = {0};
        struct span bytes = {0};
        CHECK_EQ(parcel_write(&in, buf, sizeof(buf), &bytes), ERR_OK);
        buf[1] = 2;
        CHECK_EQ(parcel_read(bytes, &out), ERR_VERSION);
        buf[1] = 1;
        buf[2] = 0;
        CHECK_EQ(parcel_read(bytes, &out), ERR_RANGE);
        buf[2] = 3;
        CHECK_EQ(parcel_read(bytes, &out), ERR_RANGE);
        in.consistency = span_of(hashes, 33);
        CHECK_EQ(parcel_write(&in, buf, sizeof(buf), &bytes), ERR_OK);
        CHECK_EQ(parcel_read(bytes, &out), ERR_RANGE);
        in.consistency = span_of(hashes, sizeof(hashes));
        CHECK_EQ(parcel_write(&in, buf, sizeof(buf), &bytes), ERR_OK);
        CHECK_EQ(parcel_read(bytes, &out), ERR_TOO_LARGE);
        in = example();
        in.record = SPAN_LIT("");
        CHECK_EQ(parcel_write(&in, buf, sizeof(buf), &bytes), ERR_OK);
        CHECK_EQ(parcel_read(bytes, &out), ERR_RANGE);
        in = example();
        in.entry = SPAN_LIT("");
        CHECK_EQ(parcel_write(&in, buf, sizeof(buf), &bytes), ERR_OK);
        CHECK_EQ(parcel_read(bytes, &out), ERR_RANGE);
    }
}

int
main(void)
{
    test_good();
    test_bad();
    return test_end();
}
