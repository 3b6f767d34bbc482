/* SPDX-License-Identifier: Apache-2.0 */
/* How fast a decision is: decide_bench VOCAB POLICY REQUESTS VERDICTS reads a document and
 * requests, one JSON object a line, and prints what one decision takes in nanoseconds of CPU time,
 * the median of the rounds: from a request that is coded already, from its JSON text, from its text
 * with the record written, and walking the document instead; and what loading takes in
 * milliseconds. Writes a letter for each verdict to VERDICTS, so that others' can be compared. */
#include <stdlib.h>
#include <time.h>

#include "crypto/digest.h"
#include "policy/record.h"
#include "policy/ruling.h"
#include "tests/slurp.h"

enum { BENCH_ROUNDS = 9, BENCH_CODED = 256, BENCH_REQUESTS_MAX = 1 << 15 };
enum { BENCH_NODES = 1024, BENCH_FILE_MAX = 16 << 20, BENCH_CODED_RUNS = 1 << 17 };

#define BENCH_NOW INT64_C(1795313940000)

static uint8_t file_bytes[3][BENCH_FILE_MAX];
static struct vocab vocab;
static struct source source;
static struct compiled compiled;
static const struct source *docs[1] = {&source};
static const struct compiled *ruled[1] = {&compiled};
static struct span request[BENCH_REQUESTS_MAX];
static size_t request_count;
static struct facts facts[BENCH_CODED];
static struct ruling ruling[BENCH_CODED];
static struct decision decision[BENCH_CODED];
static struct json_node nodes[BENCH_CODED][BENCH_NODES];
static uint8_t texts[BENCH_CODED][4096];
static char record[RECORD_BYTES_MAX];
static volatile uint64_t bench_sink;

static void
need(enum err err, const char *what)
{
    if (err == ERR_OK)
        return;
    (void)fprintf(stderr, "decide_bench: %s: %s\n", what, error_text(err));
    exit(1);
}

static double
cpu_ns(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int
order(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double
median(double *ns)
{
    qsort(ns, BENCH_ROUNDS, sizeof(*ns), order);
    return ns[BENCH_ROUNDS / 2];
}

static struct span
file(size_t at, const char *path, uint8_t sha256[static 32])
{
    const struct span bytes = slurp(file_bytes[at], BENCH_FILE_MAX, "", "%s", path);
    need(bytes.ptr == NULL ? ERR_IO : digest_sha256(bytes, sha256), path);
    return bytes;
}

/* Reads request r into slot. */
static void
take(size_t slot, size_t r)
{
    struct json_doc doc = {.nodes = nodes[slot],
                           .node_cap = BENCH_NODES,
                           .text = texts[slot],
                           .text_cap = sizeof(texts[slot])};
    need(json_read(&doc, request[r], NULL), "request");
    facts_init(&facts[slot]);
    need(facts_input(&facts[slot], &doc, &doc.nodes[0], NULL), "request");
}

static void
code(size_t slot)
{
    need(ruling_begin(&ruling[slot], ruled, 1, &facts[slot], false, &decision[slot]), "code");
}

/* Documents are loaded as often, and the last one stays. */
static void
load(const char *path, double *ret_read_ms, double *ret_compile_ms)
{
    double read_ns[BENCH_ROUNDS];
    double compile_ns[BENCH_ROUNDS];
    uint8_t sha256[32];
    const struct span bytes = file(1, path, sha256);
    for (size_t i = 0; i < BENCH_ROUNDS; i++) {
        if (i > 0) {
            compiled_finish(&compiled);
            source_finish(&source);
        }
        const double begin = cpu_ns();
        need(source_read(&source, &vocab, bytes, sha256, NULL), path);
        const double middle = cpu_ns();
        need(compiled_make(&compiled, &source, NULL, 0, NULL), path);
        read_ns[i] = middle - begin;
        compile_ns[i] = cpu_ns() - middle;
    }
    *ret_read_ms = median(read_ns) / 1e6;
    *ret_compile_ms = median(compile_ns) / 1e6;
}

/* Requests that are coded, and the clock that goes on. */
static double
run_coded(void)
{
    double ns[BENCH_ROUNDS];
    for (size_t i = 0; i < BENCH_CODED; i++) {
        take(i, i * 37 % request_count);
        code(i);
    }
    for (size_t round = 0; round < BENCH_ROUNDS; round++) {
        const double begin = cpu_ns();
        uint64_t sum = 0;
        for (size_t i = 0; i < BENCH_CODED_RUNS; i++) {
            const size_t at = i * 101 % BENCH_CODED;
            ruling_decide(&ruling[at], BENCH_NOW + (int64_t)i);
            sum += decision[at].verdict;
        }
        bench_sink += sum;
        ns[round] = (cpu_ns() - begin) / BENCH_CODED_RUNS;
    }
    return median(ns);
}

static double
run_code(void)
{
    double ns[BENCH_ROUNDS];
    for (size_t round = 0; round < BENCH_ROUNDS; round++) {
        const double begin = cpu_ns();
        for (size_t i = 0; i < BENCH_CODED * 16; i++)
            code(i % BENCH_CODED);
        ns[round] = (cpu_ns() - begin) / (BENCH_CODED * 16);
    }
    return median(ns);
}

static double
run_text(bool with_record)
{
    double ns[BENCH_ROUNDS];
    struct span out;
    for (size_t round = 0; round < BENCH_ROUNDS; round++) {
        const double begin = cpu_ns();
        for (size_t i = 0; i < request_count; i++) {
            take(0, i);
            code(0);
            ruling_decide(&ruling[0], BENCH_NOW);
            bench_sink += decision[0].verdict;
            if (!with_record)
                continue;
            need(ruling_fill(&ruling[0]), "fill");
            need(record_write(&decision[0], (struct span){0}, record, sizeof(record), &out),
                 "record");
        }
        ns[round] = (cpu_ns() - begin) / (double)request_count;
    }
    return median(ns);
}

/* The document walked: a fifth of the requests is enough. */
static double
run_walk(void)
{
    double ns[BENCH_ROUNDS];
    const size_t count = request_count / 5;
    for (size_t i = 0; i < BENCH_CODED; i++)
        take(i, i * 37 % request_count);
    for (size_t round = 0; round < BENCH_ROUNDS; round++) {
        const double begin = cpu_ns();
        for (size_t i = 0; i < count; i++) {
            const struct decide_request q = {.docs = docs,
                                             .doc_count = 1,
                                             .now_ms = BENCH_NOW,
                                             .facts = &facts[i % BENCH_CODED]};
            need(decide_run(&q, &decision[0]), "walk");
        }
        ns[round] = (cpu_ns() - begin) / (double)count;
    }
    return median(ns);
}

/* Both ways on every request; how many are allowed. */
static size_t
verdicts(const char *path)
{
    size_t allowed = 0;
    FILE *out = fopen(path, "w");
    if (out == NULL)
        need(ERR_IO, path);
    for (size_t i = 0; i < request_count; i++) {
        take(0, i);
        code(0);
        ruling_decide(&ruling[0], BENCH_NOW);
        const enum decide_verdict verdict = decision[0].verdict;
        const struct decide_request q = {
            .docs = docs, .doc_count = 1, .now_ms = BENCH_NOW, .facts = &facts[0]};
        need(decide_run(&q, &decision[0]), "walk");
        need(decision[0].verdict == verdict ? ERR_OK : ERR_BUG, "the two ways differ");
        allowed += verdict == DECIDE_ALLOW ? 1 : 0;
        (void)fputc(verdict == DECIDE_ALLOW ? 'a' : 'd', out);
    }
    (void)fclose(out);
    return allowed;
}

int
main(int argc, char **argv)
{
    uint8_t sha256[32];
    double read_ms = 0;
    double compile_ms = 0;
    if (argc != 5)
        return 2;
    need(digest_init(), "digest");
    need(vocab_read(&vocab, file(0, argv[1], sha256), sha256, NULL), argv[1]);
    load(argv[2], &read_ms, &compile_ms);
    const struct span all = file(2, argv[3], sha256);
    for (size_t at = 0; at < all.len && request_count < BENCH_REQUESTS_MAX;) {
        const uint8_t *end = memchr(all.ptr + at, '\n', all.len - at);
        const size_t stop = end == NULL ? all.len : (size_t)(end - all.ptr);
        request[request_count++] = span_of(all.ptr + at, stop - at);
        at = stop + 1;
    }
    if (request_count == 0)
        need(ERR_MISSING, argv[3]);
    const size_t allowed = verdicts(argv[4]);
    const double coded = run_coded();
    (void)printf("{\"rules\":%zu,\"requests\":%zu,\"allowed\":%zu,\"read_ms\":%.3f,"
                 "\"compile_ms\":%.3f,\"coded_ns\":%.1f,\"coding_ns\":%.1f",
                 source.rule_count, request_count, allowed, read_ms, compile_ms, coded, run_code());
    (void)printf(",\"text_ns\":%.1f,\"record_ns\":%.1f,\"walk_ns\":%.1f}\n", run_text(false),
                 run_text(true), run_walk());
    compiled_finish(&compiled);
    source_finish(&source);
    vocab_finish(&vocab);
    return 0;
}
