/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/digest.h"
#include "crypto/th.h"
#include "tests/test.h"
#include "tests/vec.h"

int
main(int argc, char **argv)
{
    uint8_t a[32];
    uint8_t b[32];
    TEST("nothing is hashed before the algorithms are fetched")
    {
        CHECK_EQ(TH(a, "tdz/v1/offer", SPAN_LIT("x")), ERR_STATE);
        CHECK_EQ(digest_init(), ERR_OK);
    }
    TEST("offer hashes of the known answers are reproduced")
    {
        struct vec_file v = vec_open_json(argc > 1 ? argv[1] : "", "tdzc/kat.json");
        size_t count = 0;
        for (const struct json_node *t = json_first(&v.doc, v.doc.nodes); t != NULL;
             t = json_next(&v.doc, v.doc.nodes, t)) {
            const struct span want = vec_hex(&v, t, "offer_hash", b, sizeof(b));
            CHECK_EQ(TH(a, "tdz/v1/offer", vec_text(&v, t, "manifest")), ERR_OK);
            CHECK(span_eq(want, span_of(a, 32)));
            count++;
        }
        CHECK_EQ(count, 16);
        vec_close(&v);
    }
    TEST("the border between parts, their number and the label change the hash")
    {
        CHECK_EQ(TH(a, "l", SPAN_LIT("ab"), SPAN_LIT("c")), ERR_OK);
        CHECK_EQ(TH(b, "l", SPAN_LIT("a"), SPAN_LIT("bc")), ERR_OK);
        CHECK(!span_eq(span_of(a, 32), span_of(b, 32)));
        CHECK_EQ(TH(b, "l", SPAN_LIT("ab"), SPAN_LIT("c"), SPAN_LIT("")), ERR_OK);
        CHECK(!span_eq(span_of(a, 32), span_of(b, 32)));
        CHECK_EQ(TH(b, "m", SPAN_LIT("ab"), SPAN_LIT("c")), ERR_OK);
        CHECK(!span_eq(span_of(a, 32), span_of(b, 32)));
    }
    return test_end();
}
