/* SPDX-License-Identifier: Apache-2.0 */
/* ruling_batch NOW full|brief|preflight VOCAB INPUT.ndjson ALIAS=LIST... POLICY...: what tdz policy
 * decide --batch prints, decided by compiled documents; brief: only the result. Ends with 1 where
 * the decision differs in anything from that of the documents themselves. Run by
 * tests/oracle/policy_oracle.py. */
#include <stdlib.h>

#include "crypto/digest.h"
#include "policy/ruling.h"
#include "schemas/text.h"
#include "tests/ruled.h"
#include "tests/slurp.h"

static struct vocab vocab;
static struct source source[DECIDE_DOCS_MAX];
static struct compiled compiled[DECIDE_DOCS_MAX];
static struct list list[SOURCE_LISTS_MAX];
static struct decide_list lists[SOURCE_LISTS_MAX];
static const struct source *docs[DECIDE_DOCS_MAX];
static const struct compiled *ruled[DECIDE_DOCS_MAX];
static size_t doc_count;
static size_t list_count;
static int64_t now_ms;
static bool preflight;
static bool brief;
static struct facts facts;
static struct decision plain;
static struct decision fast;
static struct ruling ruling;
static char input[RULED_BYTES_MAX];
static char record[RULED_BYTES_MAX];

/* Documents keep nothing of their bytes; the requests are read last. */
static struct span
file(const char *path, uint8_t sha256[static 32])
{
    static uint8_t buf[RULED_BYTES_MAX];
    const struct span bytes = slurp(buf, sizeof(buf), "", "%s", path);
    if (bytes.ptr == NULL || digest_sha256(bytes, sha256) != ERR_OK)
        exit(2);
    return bytes;
}

static void
need(enum err err, const char *what)
{
    if (err == ERR_OK)
        return;
    (void)fprintf(stderr, "ruling_batch: %s: %s\n", what, error_text(err));
    exit(2);
}

static void
decide(struct span text)
{
    struct json_doc doc;
    struct canon w;
    struct span in;
    struct span out;
    need(json_load(&doc, text, NULL), "input");
    facts_init(&facts);
    need(facts_input(&facts, &doc, &doc.nodes[0], NULL), "facts");
    const struct decide_request q = {.docs = docs,
                                     .doc_count = doc_count,
                                     .lists = lists,
                                     .list_count = list_count,
                                     .now_ms = now_ms,
                                     .facts = &facts,
                                     .preflight = preflight};
    need(decide_run(&q, &plain), "decide_run");
    need(ruling_run(&ruling, ruled, doc_count, &facts, now_ms, preflight, &fast), "ruling_run");
    if (!ruled_same(&plain, &fast)) {
        (void)fprintf(stderr, "ruling_batch: decided otherwise: %.*s\n", (int)text.len,
                      (const char *)text.ptr);
        exit(1);
    }
    if (brief) {
        (void)printf("%s\n", decide_verdict_name(fast.verdict));
        json_free(&doc);
        return;
    }
    canon_init(&w, input, sizeof(input));
    canon_node(&w, &doc, &doc.nodes[0]);
    need(canon_finish(&w, &in), "input");
    need(record_write(&fast, in, record, sizeof(record), &out), "record");
    (void)printf("%.*s\n", (int)out.len, (const char *)out.ptr);
    json_free(&doc);
}

static void
load(const char *arg)
{
    const char *equals = strchr(arg, '=');
    uint8_t sha256[32];
    if (equals != NULL && list_count < SOURCE_LISTS_MAX) {
        const struct span bytes = file(equals + 1, sha256);
        need(list_read(&list[list_count], bytes, sha256, NULL), arg);
        lists[list_count] =
            (struct decide_list){span_of(arg, (size_t)(equals - arg)), &list[list_count], NULL};
        list_count++;
    } else if (equals == NULL && doc_count < DECIDE_DOCS_MAX) {
        const struct span bytes = file(arg, sha256);
        need(source_read(&source[doc_count], &vocab, bytes, sha256, NULL), arg);
        docs[doc_count] = &source[doc_count];
        doc_count++;
    }
}

int
main(int argc, char **argv)
{
    uint8_t sha256[32];
    if (argc < 6 || digest_init() != ERR_OK)
        return 2;
    need(text_parse_time(span_str(argv[1]), false, &now_ms), "now");
    preflight = strcmp(argv[2], "preflight") == 0;
    brief = strcmp(argv[2], "brief") == 0;
    const struct span words = file(argv[3], sha256);
    need(vocab_read(&vocab, words, sha256, NULL), argv[3]);
    for (int i = 5; i < argc; i++)
        load(argv[i]);
    for (size_t i = 0; i < doc_count; i++) {
        need(compiled_make(&compiled[i], &source[i], lists, list_count, NULL), "compiled_make");
        ruled[i] = &compiled[i];
    }
    const struct span requests = file(argv[4], sha256);
    for (size_t at = 0; at < requests.len;) {
        const uint8_t *end = memchr(requests.ptr + at, '\n', requests.len - at);
        const size_t stop = end == NULL ? requests.len : (size_t)(end - requests.ptr);
        decide(span_of(requests.ptr + at, stop - at));
        at = stop + 1;
    }
    for (size_t i = 0; i < doc_count; i++) {
        compiled_finish(&compiled[i]);
        source_finish(&source[i]);
    }
    for (size_t i = 0; i < list_count; i++)
        list_finish(&list[i]);
    vocab_finish(&vocab);
    return 0;
}
