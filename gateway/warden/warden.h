/* SPDX-License-Identifier: Apache-2.0 */
/* The first process of a gateway: it opens what the configuration names, starts the roles, gives
 * each its descriptors, restarts what dies, ends what breaks the rules. It never sees a byte of the
 * network or of a dataset. */
#ifndef TDZ_GATEWAY_WARDEN_WARDEN_H
#define TDZ_GATEWAY_WARDEN_WARDEN_H

#include <sys/types.h>

#include "gateway/warden/warden_files.h"

enum { WARDEN_CRASHES_MAX = 10, WARDEN_CRASH_WINDOW_MS = 60 * 1000 };
enum { WARDEN_BACKOFF_MIN_MS = 50, WARDEN_BACKOFF_MAX_MS = 5000 };
/* How long after a channel was reported closed both its ends must have gone or come back. */
enum { WARDEN_LOST_MS = 2000 };
/* How long a process that does not take its channels can keep clerk from hearing of another. */
enum { WARDEN_KNOWN_MS = 5000 };
enum { WARDEN_STOP_MS = 3000, WARDEN_TICK_MS = 20 };

enum warden_child_phase {
    WARDEN_DOWN,    /* no process; restarted at down_until_ms */
    WARDEN_GIVING,  /* started; grants are being handed over */
    WARDEN_SETTING, /* has its CONFIG, is not READY yet */
    WARDEN_READY,
    WARDEN_RUNNING,
    WARDEN_DRAINED,
};

struct warden;

struct warden_child {
    struct warden *warden;
    enum role_id role;
    unsigned index;
    enum warden_child_phase phase;
    pid_t pid; /* 0 = no process */
    struct chan *chan;
    struct chan_host host; /* one each: a child that speaks is known by its channel's context */
    uint32_t generation[2][ROLE_COUNT][ROLE_INDEX_MAX]; /* of its channels, by kind and peer */
    uint32_t opened[2][ROLE_COUNT][ROLE_INDEX_MAX];     /* the last of each that it told us of */
    bool is_known;                                      /* clerk may name it to the others */
    size_t grant_at;
    bool reloading;
    bool replacing;               /* ended by us for a replacement: no crash */
    struct warden_child *lost_by; /* the peer whose closed channel this child reported last */
    pid_t lost_pid;
    uint32_t lost_generation;
    uint32_t incarnation; /* of the process that runs now, never used again */
    int64_t lost_ms;
    int64_t since_ms;
    int64_t down_until_ms;
    int64_t crashes_ms[WARDEN_CRASHES_MAX];
    uint32_t crash_count;
    uint32_t restarts;
    bool sandboxed;
    uint32_t landlock_abi;
    size_t stats_len;
    char stats[4096];
};

struct warden {
    struct loop *loop;
    struct oplog log;
    const char *config_path;
    int base_fd;
    struct config *config;
    struct config *config_next;
    struct warden_files files;    /* of config, listeners included */
    struct warden_files reloaded; /* of config_next while a reload is handed over */
    bool judging;                 /* a reload waits for judge's word on its register */
    bool hup_again;               /* SIGHUP came while a reload was under way */
    struct warden_child *children[ROLE_COUNT][ROLE_INDEX_MAX];
    uint32_t generation;
    uint32_t incarnation;
    struct warden_account account;
    bool started;
    bool draining;
    bool stopping;
    int64_t deadline_ms; /* of draining or stopping */
    int status;
    const char *fault_spec;
    struct loop_timer *tick;
    struct loop_watch *signals[4];
};

/* Runs a gateway until it is told to stop; returns the exit status. envp: for TDZ_FAULT of test
 * builds only. */
int warden_run(const char *config_path, char *const *envp);

/* Judge's word on the register of a reload: only a good one goes on to the other roles; of another
 * nothing is kept. No reload waiting: nothing happens. */
void warden_judged(struct warden *w, bool is_good);

/* `tdzd -t`: reads the configuration and opens its files, binds nothing. Says on stderr what is
 * wrong as file:line:column; 1: the register, a key or the certificate, 2: the configuration or a
 * file it names, 3: one of them cannot be read. */
int warden_check(const char *config_path);

#endif
