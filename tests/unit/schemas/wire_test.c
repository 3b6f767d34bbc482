/* SPDX-License-Identifier: Apache-2.0 */
#include "schemas/wire.h"
#include "tests/test.h"

int
main(void)
{
    uint8_t buf[64];
    struct wire_writer w;
    struct wire_reader r;
    struct span out;

    TEST("a record written is read back field by field")
    {
        wire_writer_init(&w, buf, sizeof(buf));
        wire_put_u8(&w, 7);
        wire_put_u16(&w, 0x1234);
        wire_put_u32(&w, 0xdeadbeef);
        wire_put_u64(&w, UINT64_C(0x0102030405060708));
        wire_put_vec16(&w, SPAN_LIT("abc"));
        wire_put_vec32(&w, SPAN_LIT(""));
        CHECK_EQ(wire_writer_finish(&w, &out), ERR_OK);
        CHECK_EQ(out.len, 1 + 2 + 4 + 8 + 5 + 4);
        CHECK(buf[1] == 0x12 && buf[2] == 0x34);
        wire_reader_init(&r, out);
        CHECK_EQ(wire_get_u8(&r), 7);
        CHECK_EQ(wire_get_u16(&r), 0x1234);
        CHECK_EQ(wire_get_u32(&r), 0xdeadbeef);
        CHECK(wire_get_u64(&r) == UINT64_C(0x0102030405060708));
        CHECK(span_eq_str(wire_get_vec16(&r, 3), "abc"));
        CHECK(span_is_empty(wire_get_vec32(&r, 0)));
        CHECK_EQ(wire_reader_finish(&r), ERR_OK);
    }
    TEST("a short record is an error that sticks")
    {
        wire_reader_init(&r, SPAN_LIT("\x01"));
        CHECK_EQ(wire_get_u32(&r), 0);
        CHECK_EQ(wire_get_u8(&r), 0);
        CHECK_EQ(wire_reader_finish(&r), ERR_SHORT);
    }
    TEST("bytes left over are an error")
    {
        wire_reader_init(&r, SPAN_LIT("\x01\x02"));
        CHECK_EQ(wire_get_u8(&r), 1);
        CHECK_EQ(wire_left(&r), 1);
        CHECK_EQ(wire_reader_finish(&r), ERR_TRAILING);
    }
    TEST("a vector longer than its limit is refused before it is read")
    {
        wire_reader_init(&r, SPAN_LIT("\x00\x03"
                                      "abc"));
        CHECK(span_is_empty(wire_get_vec16(&r, 2)));
        CHECK_EQ(wire_reader_finish(&r), ERR_TOO_LARGE);
    }
    TEST("a writer that is full says so and writes nothing more")
    {
        wire_writer_init(&w, buf, 3);
        wire_put_u16(&w, 1);
        wire_put_u16(&w, 2);
        wire_put_u8(&w, 3);
        CHECK_EQ(wire_writer_finish(&w, &out), ERR_FULL);
        CHECK_EQ(w.len, 2);
    }
    return test_end();
}
