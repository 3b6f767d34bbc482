/* SPDX-License-Identifier: Apache-2.0 */
/* tdz-audit: the auditor's program. No network, no gateway, and nothing is written. */
#include "tools/audit_verify.h"
#include "tools/cli.h"

static const struct cli_entry audit_entries[] = {
    {CLI_GROUP, "auditors", NULL, NULL, NULL},
    {CLI_COMMAND, "verify", "PATH...", "check logs, evidence files and bundles of them",
     audit_verify_main},
    {CLI_OPTION, "--trust FILE", NULL, "whose keys count; without it, those found (not pinned)",
     NULL},
    {CLI_OPTION, "--json", NULL, "print one JSON object", NULL},
    {CLI_EXIT, "0", NULL, "everything holds", NULL},
    {CLI_EXIT, "1", NULL, "something does not; every failure is listed", NULL},
    {CLI_EXIT, "2", NULL, "usage, or a trust file that is wrong", NULL},
    {CLI_EXIT, "3", NULL, "a PATH could not be read", NULL},
    {CLI_COMMAND, "reconcile", "A B", "compare two zones' logs transfer by transfer",
     audit_reconcile_main},
    {CLI_OPTION, "--json", NULL, "print one JSON object", NULL},
    {CLI_EXIT, "0", NULL, "both say the same (open transfers are listed)", NULL},
    {CLI_EXIT, "1", NULL, "they do not", NULL},
    {CLI_EXIT, "2", NULL, "usage", NULL},
    {CLI_EXIT, "3", NULL, "a log could not be read", NULL},
    {CLI_COMMAND, "policy", "--at TIME [--documents DIR]... LOGDIR",
     "which policy documents were in force at a time", audit_policy_main},
    {CLI_OPTION, "--at TIME", NULL, "as 2026-11-22T02:19:00Z", NULL},
    {CLI_OPTION, "--documents DIR", NULL, "where archived documents are; names their files", NULL},
    {CLI_OPTION, "--json", NULL, "print one object a document", NULL},
    {CLI_EXIT, "0", NULL, "they are listed", NULL},
    {CLI_EXIT, "1", NULL, "none was, or --documents lacks one", NULL},
    {CLI_EXIT, "2", NULL, "usage", NULL},
    {CLI_EXIT, "3", NULL, "the log or a folder could not be read", NULL},
    {CLI_COMMAND, "replay", "--documents DIR... EVIDENCE...",
     "make every decision of evidence files again, byte for byte", audit_replay_main},
    {CLI_OPTION, "--documents DIR", NULL, "archived policies, vocabularies, lists; may be repeated",
     NULL},
    {CLI_OPTION, "--json", NULL, "print one object a failure, then the sum", NULL},
    {CLI_EXIT, "0", NULL, "every record is what its documents say", NULL},
    {CLI_EXIT, "1", NULL, "one is not, is in no log, or its documents are missing", NULL},
    {CLI_EXIT, "2", NULL, "usage, or not an evidence file", NULL},
    {CLI_EXIT, "3", NULL, "a file or folder could not be read", NULL},
};

const struct cli_program cli_program = {
    .name = "tdz-audit",
    .summary = "verify the transfer logs of trusted data zones off line",
    .entries = audit_entries,
    .entry_count = sizeof(audit_entries) / sizeof(audit_entries[0]),
};

int
main(int argc, char **argv)
{
    return cli_run(argc, argv);
}
