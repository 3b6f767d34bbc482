/* SPDX-License-Identifier: Apache-2.0 */
/* What a peer says of a transfer, and the receipt in it. */
#include "gateway/link/corridor_json.h"
#include "tests/test.h"

#define STATE(groups, receipt, state) \
    "{\"groups\":" groups ",\"receipt\":" receipt ",\"state\":\"" state "\"}"

enum { CAP = 6 };

static enum err
read_receipt(const char *text, size_t cap, struct span *ret)
{
    static uint8_t out[64];
    *ret = (struct span){NULL, 0};
    return corridor_json_receipt_read(span_str(text), out, cap, ret);
}

static void
test_receipt(void)
{
    struct span parcel;
    struct corridor_json_status status;
    TEST("the receipt of a state is the bytes that its base64 stands for")
    {
        CHECK_EQ(read_receipt(STATE("3", "\"cGFyY2Vs\"", "done"), CAP, &parcel), ERR_OK);
        CHECK(span_eq_str(parcel, "parcel"));
        CHECK_EQ(corridor_json_state_read(span_str(STATE("3", "\"cGFyY2Vs\"", "done")), &status),
                 ERR_OK);
        CHECK(status.groups == 3 && status.state == CORRIDOR_JSON_DONE && status.has_receipt);
        CHECK_EQ(read_receipt(STATE("0", "\"cGFyY2U=\"", "released"), CAP, &parcel), ERR_OK);
        CHECK(span_eq_str(parcel, "parce"));
    }
    TEST("a state without a receipt has none")
    {
        CHECK_EQ(read_receipt(STATE("3", "null", "released"), CAP, &parcel), ERR_NOT_FOUND);
        CHECK(parcel.ptr == NULL);
    }
    TEST("what is larger than the room, or no base64, is no receipt, and nothing comes out")
    {
        const char *const bad[] = {
            STATE("3", "\"cGFyY2Vs\"", "done"),  STATE("3", "\"cGFyY2V\"", "done"),
            STATE("3", "\"cGFy Y2Vs\"", "done"), STATE("3", "\"cGFyY2U\"", "done"),
            STATE("3", "\"cGFyY2V_\"", "done"),  STATE("3", "\"cGFyY2V=\"", "done"),
            STATE("3", "\"\\u0000\"", "done")};
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
            CHECK_EQ(read_receipt(bad[i], i == 0 ? CAP - 1 : CAP, &parcel), ERR_SYNTAX);
            CHECK(parcel.ptr == NULL);
        }
    }
    TEST("a receipt comes from the document of the corridor and from no other")
    {
        const char *const bad[] = {
            "",
            "null",
            "\"cGFyY2Vs\"",
            "{}",
            "{\"groups\":3,\"receipt\":\"cGFyY2Vs\"}",
            "{\"groups\":3,\"state\":\"done\"}",
            "{\"receipt\":\"cGFyY2Vs\",\"state\":\"done\"}",
            STATE("-1", "\"cGFyY2Vs\"", "done"),
            STATE("\"3\"", "\"cGFyY2Vs\"", "done"),
            STATE("3", "7", "done"),
            STATE("3", "[\"cGFyY2Vs\"]", "done"),
            STATE("3", "\"cGFyY2Vs\"", "settled"),
            STATE("3", "\"cGFyY2Vs\",\"receipt\":\"cGFyY2Vs\"", "done"),
            STATE("3", "\"cGFyY2Vs\",\"more\":1", "done"),
            STATE("3", "\"cGFyY2Vs\"", "done") "x",
        };
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
            CHECK_EQ(read_receipt(bad[i], CAP, &parcel), ERR_SYNTAX);
            CHECK(parcel.ptr == NULL);
        }
    }
    TEST("a document beyond the limit is not read at all")
    {
        static char large[CORRIDOR_JSON_BYTES_MAX + 2];
        memset(large, ' ', sizeof(large) - 1);
        memcpy(large, STATE("3", "\"cGFyY2Vs\"", "done"),
               sizeof(STATE("3", "\"cGFyY2Vs\"", "done")) - 1);
        CHECK_EQ(read_receipt(large, CAP, &parcel), ERR_TOO_LARGE);
        large[CORRIDOR_JSON_BYTES_MAX] = 0;
        CHECK_EQ(read_receipt(large, CAP, &parcel), ERR_OK);
    }
}

int
main(void)
{
    test_receipt();
    return test_end();
}
