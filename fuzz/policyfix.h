/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary that the policy fuzzers read their inputs by. */
#ifndef TDZ_FUZZ_POLICYFIX_H
#define TDZ_FUZZ_POLICYFIX_H

#include "fuzz/fuzz.h"
#include "policy/vocab.h"

static const char policyfix_text[] =
    "{\"format\":\"tdz.vocab/1\",\"id\":\"v\",\"revision\":1,\"zones\":{\"a\":null,\"b\":\"a\","
    "\"c\":null},\"classes\":{\"x\":null,\"y\":\"x\",\"business\":null,\"opaque\":null},"
    "\"attributes\":{"
    "\"to\":{\"type\":\"zone\",\"source\":\"route\"},\"labels\":{\"type\":\"labels\","
    "\"source\":\"manifest\"},\"e\":{\"type\":\"enum\",\"values\":[\"p\",\"q\"],\"source\":"
    "\"manifest\"},\"i\":{\"type\":\"int\",\"source\":\"register\"},\"g\":{\"type\":\"bool\","
    "\"source\":\"gateway\"},\"s\":{\"type\":\"string\",\"source\":\"manifest\"},"
    "\"exporter.k\":{\"type\":\"bool\",\"source\":\"register\"},"
    "\"evidence.tia.days_left\":{\"type\":\"int\",\"source\":\"register\"}},"
    "\"obligations\":{\"retain\":{\"phase\":\"recipient\"},"
    "\"encrypt\":{\"phase\":\"stream\"},\"mask\":{\"phase\":\"stream\"},\"brand\":{\"phase\":"
    "\"stream\"}}}";

/* Read once a process. */
static const struct vocab *
policyfix_vocab(void)
{
    static struct vocab v;
    static bool ready;
    static const uint8_t sha256[32];
    if (!ready)
        FUZZ_MUST(vocab_read(&v, span_str(policyfix_text), sha256, NULL) == ERR_OK);
    ready = true;
    return &v;
}

#endif
