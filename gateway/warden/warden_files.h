/* SPDX-License-Identifier: Apache-2.0 */
/* Everything the warden opens by name, and which role gets it: the only place where a path of the
 * configuration is used. */
#ifndef TDZ_GATEWAY_WARDEN_WARDEN_FILES_H
#define TDZ_GATEWAY_WARDEN_WARDEN_FILES_H

#include "gateway/core/rolemain.h"

/* The grants of one configuration, sockets included. All descriptors are owned. */
/* The account the roles run as; uid 0: that of the warden. */
struct warden_account {
    uint32_t uid;
    uint32_t gid;
};

struct warden_files {
    struct grant *grants; /* GRANTS_MAX */
    size_t count;
    char problem[512]; /* on error: what, and which path */
};

/* Reads the configuration file at path. On error ret_fault names line, column and key; a file that
 * cannot be read is ERR_IO with line 0. Relative paths in it are not resolved here. */
MUST_USE enum err warden_files_config(const char *path, struct config *ret,
                                      struct fault *ret_fault);

/* Opens files and folders of c; base_fd is the folder of the configuration file. Folders the roles
 * work in are made for the account `as`. ERR_IO, ERR_DENIED (one of them is another account's,
 * or a key's mode lets other accounts use it), ERR_CONFIG (warden_keys_check), what
 * warden_peerkeys says of the trust bundle, each with problem set; ERR_FULL, ERR_SYS, ERR_NOMEM.
 * files is finished by the caller also on error. */
MUST_USE enum err warden_files_open(struct warden_files *files, const struct config *c, int base_fd,
                                    const struct warden_account *as);

/* Binds the listeners. ERR_IO with problem set. */
MUST_USE enum err warden_files_listen(struct warden_files *files, const struct config *c);

/* Fills in the numeric addresses of peers; a name that does not resolve stays empty. */
void warden_files_resolve(struct config *c);

/* After a reload: `now` keeps its listeners and takes everything else of `next`, which stays usable
 * as it is (descriptors are duplicated). */
void warden_files_keep_listeners(struct warden_files *now, const struct warden_files *next);

void warden_files_finish(struct warden_files *files);

/* The roles that may have a kind of grant. */
uint32_t warden_files_roles(enum grant_kind kind);

#endif
