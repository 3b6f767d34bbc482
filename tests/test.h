/* SPDX-License-Identifier: Apache-2.0 */
/* A small TAP harness: tests are named as sentences, print "ok 1 - sentence" or "not ok", and the
 * program's exit code is 1 when any failed. Usage:
 *   int main(void) { TEST("a reader refuses trailing bytes") { CHECK(...); } return test_end(); }
 */
#ifndef TDZ_TESTS_TEST_H
#define TDZ_TESTS_TEST_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
    int count;
    int failed;
    bool open;
    bool current_failed;
    const char *name;
} test_state;

__attribute__((unused)) static void
test_close(void)
{
    if (!test_state.open)
        return;
    test_state.count++;
    test_state.failed += test_state.current_failed ? 1 : 0;
    printf("%s %d - %s\n", test_state.current_failed ? "not ok" : "ok", test_state.count,
           test_state.name);
    (void)fflush(stdout);
    test_state.open = false;
}

__attribute__((unused)) static bool
test_begin(const char *name)
{
    test_close();
    test_state.name = name;
    test_state.open = true;
    test_state.current_failed = false;
    return true;
}

__attribute__((unused)) static int
test_end(void)
{
    test_close();
    printf("1..%d\n", test_state.count);
    return test_state.failed == 0 && test_state.count > 0 ? 0 : 1;
}

/* A test that cannot run here, and why: counted apart, never as passed. */
__attribute__((unused)) static void
test_skip(const char *name, const char *reason)
{
    test_close();
    test_state.count++;
    printf("ok %d - %s # SKIP %s\n", test_state.count, name, reason);
}

/* gcc defines macros for its sanitizers, clang answers questions. */
#ifdef __has_feature
#define TEST_FEATURE(x) __has_feature(x)
#else
#define TEST_FEATURE(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || TEST_FEATURE(address_sanitizer)
#define TEST_ASAN 1
#else
#define TEST_ASAN 0
#endif
#if defined(__SANITIZE_THREAD__) || TEST_FEATURE(thread_sanitizer)
#define TEST_TSAN 1
#else
#define TEST_TSAN 0
#endif

#define TEST(sentence) if (test_begin(sentence))

#define CHECK(cond)                                             \
    do {                                                        \
        if (!(cond)) {                                          \
            test_state.current_failed = true;                   \
            printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond); \
        }                                                       \
    } while (0)

#define CHECK_EQ(a, b)                                                                             \
    do {                                                                                           \
        const long long check_a_ = (long long)(a);                                                 \
        const long long check_b_ = (long long)(b);                                                 \
        if (check_a_ != check_b_) {                                                                \
            test_state.current_failed = true;                                                      \
            printf("# %s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #a, check_a_, check_b_); \
        }                                                                                          \
    } while (0)

#endif
