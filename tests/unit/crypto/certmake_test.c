/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/certmake.h"

#include "crypto/crypto.h"
#include "tests/test.h"

static char cert[CERTMAKE_PEM_MAX];
static char key[CERTMAKE_PEM_MAX];
static char leaf[CERTMAKE_PEM_MAX];
static char leaf_key[CERTMAKE_PEM_MAX];

int
main(void)
{
    struct certmake_ca *ca = NULL;
    struct certmake_ca *again = NULL;

    TEST("an authority signs a leaf with the names it is told")
    {
        CHECK_EQ(crypto_init(), ERR_OK);
        CHECK_EQ(certmake_ca_new("unit zone", 30, &ca), ERR_OK);
        CHECK_EQ(certmake_ca_pem(ca, cert, key), ERR_OK);
        CHECK(strstr(cert, "BEGIN CERTIFICATE") != NULL && strstr(key, "PRIVATE KEY") != NULL);
        CHECK_EQ(certmake_leaf(ca, "gw1", "DNS:localhost,URI:spiffe://unit/peer/gw1",
                               CERTMAKE_SERVER | CERTMAKE_CLIENT, 30, leaf, leaf_key),
                 ERR_OK);
        CHECK(strcmp(leaf_key, key) != 0);
    }
    TEST("an authority is read back from its PEM and goes on signing")
    {
        CHECK_EQ(certmake_ca_load(span_str(cert), span_str(key), &again), ERR_OK);
        CHECK_EQ(certmake_leaf(again, "p", "URI:spiffe://unit/partner/p", CERTMAKE_CLIENT, 1, leaf,
                               leaf_key),
                 ERR_OK);
        certmake_ca_free(again);
    }
    TEST("bytes that are no certificate and a key of another are refused")
    {
        CHECK_EQ(certmake_ca_load(SPAN_LIT("x"), span_str(key), &again), ERR_SYNTAX);
        CHECK_EQ(certmake_ca_load(span_str(cert), span_str(leaf_key), &again), ERR_SYNTAX);
    }
    TEST("names that are no names and a leaf without use are refused")
    {
        CHECK_EQ(certmake_leaf(ca, "x", "NOSUCH:thing", CERTMAKE_CLIENT, 1, leaf, leaf_key),
                 ERR_SYNTAX);
        CHECK_EQ(certmake_leaf(ca, "x", "DNS:x", 0, 1, leaf, leaf_key), ERR_RANGE);
    }
    certmake_ca_free(ca);
    return test_end();
}
