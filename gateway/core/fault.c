/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/core/fault.h"

#include <assert.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gateway/core/clock.h"
#include "schemas/text.h"

#if TDZ_FAULTS

enum fault_action {
    FAULT_KILL,
    FAULT_KILLALL,
    FAULT_STOP,
    FAULT_ONCE,
    FAULT_EVER,
    FAULT_SLEEP,
    FAULT_SKEW
};

struct fault_armed {
    enum fault_id id;
    enum fault_action action;
    uint32_t at; /* the pass at which it fires, from 1 */
    int64_t number;
};

static const char *const fault_names[FAULT_COUNT] = {
#define FAULT(name, where) #name,
#include "gateway/core/fault.def"
#undef FAULT
};

static struct {
    struct fault_armed armed[FAULT_ARMED_MAX];
    size_t armed_count;
    uint32_t passed[FAULT_COUNT];
} fault_state;

/* Cuts the part before the first `by` off *rest; all of it when there is none. */
static struct span
fault_cut(struct span *rest, char by)
{
    for (size_t i = 0; i < rest->len; i++) {
        if (rest->ptr[i] == (uint8_t)by) {
            const struct span part = span_of(rest->ptr, i);
            *rest = span_from(*rest, i + 1);
            return part;
        }
    }
    const struct span part = *rest;
    *rest = span_from(*rest, rest->len);
    return part;
}

static enum err
fault_find(struct span name, enum fault_id *ret)
{
    for (unsigned i = 0; i < FAULT_COUNT; i++) {
        if (span_eq_str(name, fault_names[i])) {
            *ret = (enum fault_id)i;
            return ERR_OK;
        }
    }
    return ERR_SYNTAX;
}

static enum err
fault_action(struct span text, struct fault_armed *armed)
{
    uint64_t number = 0;
    if (text_parse_u64(text, UINT32_MAX, &number) == ERR_OK) {
        armed->at = (uint32_t)number;
        return number == 0 ? ERR_SYNTAX : ERR_OK;
    }
    struct span value = text;
    const struct span word = fault_cut(&value, '=');
    if (span_eq_str(word, "kill"))
        armed->action = FAULT_KILL;
    else if (span_eq_str(word, "killall"))
        armed->action = FAULT_KILLALL;
    else if (span_eq_str(word, "stop"))
        armed->action = FAULT_STOP;
    else if (span_eq_str(word, "err"))
        armed->action = FAULT_ONCE;
    else if (span_eq_str(word, "errs"))
        armed->action = FAULT_EVER;
    else if (span_eq_str(word, "first"))
        return span_is_empty(value) ? ERR_OK : ERR_SYNTAX; /* warden's business */
    else if (span_eq_str(word, "sleep"))
        armed->action = FAULT_SLEEP;
    else if (span_eq_str(word, "skew"))
        armed->action = FAULT_SKEW;
    else
        return ERR_SYNTAX;
    const bool numbered = armed->action == FAULT_SLEEP || armed->action == FAULT_SKEW;
    if (!numbered)
        return span_is_empty(value) ? ERR_OK : ERR_SYNTAX;
    const bool negative = span_starts(value, SPAN_LIT("-"));
    TRY(text_parse_u64(span_from(value, negative ? 1 : 0), INT32_MAX, &number));
    armed->number = negative ? -(int64_t)number : (int64_t)number;
    return ERR_OK;
}

/* "role[index]/": true if the entry is for this process; the prefix is cut off. */
static enum err
fault_is_mine(struct span *entry, enum role_id role, unsigned index, bool *ret_mine)
{
    *ret_mine = true;
    if (memchr(entry->ptr, '/', entry->len) == NULL)
        return ERR_OK;
    struct span who = fault_cut(entry, '/');
    size_t letters = 0;
    while (letters < who.len && who.ptr[letters] >= 'a' && who.ptr[letters] <= 'z')
        letters++;
    enum role_id named = ROLE_WARDEN;
    if (role_parse(span_of(who.ptr, letters), &named) != ERR_OK)
        return ERR_SYNTAX;
    *ret_mine = named == role;
    if (letters == who.len)
        return ERR_OK;
    uint64_t number = 0;
    TRY(text_parse_u64(span_from(who, letters), ROLE_INDEX_MAX, &number));
    *ret_mine = *ret_mine && number == index;
    return ERR_OK;
}

enum err
fault_arm(struct span spec, enum role_id role, unsigned index)
{
    if (spec.len > FAULT_SPEC_MAX)
        return ERR_SYNTAX;
    while (!span_is_empty(spec)) {
        struct span entry = fault_cut(&spec, ',');
        bool mine = false;
        struct fault_armed armed = {.action = FAULT_KILL, .at = 1};
        TRY(fault_is_mine(&entry, role, index, &mine));
        TRY(fault_find(fault_cut(&entry, ':'), &armed.id));
        while (!span_is_empty(entry))
            TRY(fault_action(fault_cut(&entry, ':'), &armed));
        if (!mine)
            continue;
        if (fault_state.armed_count == FAULT_ARMED_MAX)
            return ERR_FULL;
        fault_state.armed[fault_state.armed_count++] = armed;
    }
    return ERR_OK;
}

static void
fault_sleep(int64_t ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0) {
    }
}

static enum err
fault_fire(const struct fault_armed *armed)
{
    switch (armed->action) {
    case FAULT_KILL:
        (void)kill(getpid(), SIGKILL);
        return ERR_OK;
    case FAULT_KILLALL:
        (void)kill(0, SIGKILL);
        return ERR_OK;
    case FAULT_STOP:
        (void)kill(getpid(), SIGSTOP);
        return ERR_OK;
    case FAULT_ONCE:
    case FAULT_EVER:
        return ERR_IO;
    case FAULT_SLEEP:
        fault_sleep(armed->number);
        return ERR_OK;
    case FAULT_SKEW:
        return clock_skew_add(armed->number);
    }
    return ERR_OK;
}

enum err
fault_hit(enum fault_id id)
{
    assert(id < FAULT_COUNT);
    enum err result = ERR_OK;
    const uint32_t pass = ++fault_state.passed[id];
    for (size_t i = 0; i < fault_state.armed_count; i++) {
        const struct fault_armed *armed = &fault_state.armed[i];
        if (armed->id != id)
            continue;
        const bool due = armed->action == FAULT_EVER ? pass >= armed->at : pass == armed->at;
        if (due && fault_fire(armed) != ERR_OK)
            result = ERR_IO;
    }
    return result;
}

void
fault_spec_again(const char *spec, char *ret, size_t cap)
{
    struct span rest = span_str(spec);
    size_t at = 0;
    assert(cap > 0);
    while (!span_is_empty(rest)) {
        const struct span entry = fault_cut(&rest, ',');
        struct span words = entry;
        bool again = true;
        while (!span_is_empty(words))
            again = !span_eq_str(fault_cut(&words, ':'), "first") && again;
        if (!again || entry.len + 2 > cap - at)
            continue;
        if (at > 0)
            ret[at++] = ',';
        memcpy(ret + at, entry.ptr, entry.len);
        at += entry.len;
    }
    ret[at] = '\0';
}

void
fault_role_killed(const char *spec)
{
    if (spec != NULL && strstr(spec, ":killall") != NULL)
        (void)kill(0, SIGKILL);
}

uint32_t
fault_count(enum fault_id id)
{
    assert(id < FAULT_COUNT);
    return fault_state.passed[id];
}

const char *
fault_name(enum fault_id id)
{
    assert(id < FAULT_COUNT);
    return fault_names[id];
}

#else

enum err
fault_arm(struct span spec, enum role_id role, unsigned index)
{
    (void)role;
    (void)index;
    return span_is_empty(spec) ? ERR_OK : ERR_UNSUPPORTED;
}

enum err
fault_hit(enum fault_id id)
{
    assert(id < FAULT_COUNT);
    return ERR_OK;
}

void
fault_spec_again(const char *spec, char *ret, size_t cap)
{
    (void)spec;
    assert(cap > 0);
    ret[0] = '\0';
}

void
fault_role_killed(const char *spec)
{
    (void)spec;
}

uint32_t
fault_count(enum fault_id id)
{
    assert(id < FAULT_COUNT);
    return 0;
}

const char *
fault_name(enum fault_id id)
{
    assert(id < FAULT_COUNT);
    return "";
}

#endif

const char *
fault_spec(char *const *envp)
{
    static const char name[] = "TDZ_FAULT=";
    for (size_t i = 0; envp != NULL && envp[i] != NULL; i++) {
        if (strncmp(envp[i], name, sizeof(name) - 1) == 0)
            return envp[i] + sizeof(name) - 1;
    }
    return NULL;
}
