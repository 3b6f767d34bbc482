/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/audit_report.h"

#include <inttypes.h>

#include "tools/cli.h"

void
audit_report_quote(FILE *out, struct span text)
{
    (void)fputc('"', out);
    for (size_t i = 0; i < text.len; i++) {
        const uint8_t b = text.ptr[i];
        if (b == '"' || b == '\\')
            (void)fprintf(out, "\\%c", b);
        else if (b < 0x20 || b >= 0x7f)
            /* Names of files may be no UTF-8: every other byte as a Latin-1 escape. */
            (void)fprintf(out, "\\u%04x", b);
        else
            (void)fputc(b, out);
    }
    (void)fputc('"', out);
}

void
audit_report_init(struct audit_report *report, FILE *out, bool json, bool pinned)
{
    *report = (struct audit_report){.out = out, .json = json, .pinned = pinned};
    if (json)
        (void)fprintf(out, "{\"failures\":[");
}

void
audit_report_fail(struct audit_report *report, const char *file, int64_t index, const char *code,
                  const char *detail)
{
    FILE *out = report->out;
    report->failures++;
    if (!report->json) {
        (void)fprintf(out, "FAIL %s", file);
        if (index != AUDIT_NO_INDEX)
            (void)fprintf(out, " entry %" PRId64, index);
        (void)fprintf(out, ": %s: %s\n", code, detail);
        return;
    }
    (void)fprintf(out, "%s{\"file\":", report->failures > 1 ? "," : "");
    audit_report_quote(out, span_str(file));
    if (index == AUDIT_NO_INDEX)
        (void)fprintf(out, ",\"index\":null,\"code\":");
    else
        (void)fprintf(out, ",\"index\":%" PRId64 ",\"code\":", index);
    audit_report_quote(out, span_str(code));
    (void)fprintf(out, ",\"detail\":");
    audit_report_quote(out, span_str(detail));
    (void)fputc('}', out);
}

void
audit_report_err(struct audit_report *report, const char *file, int64_t index, const char *code,
                 enum err err)
{
    audit_report_fail(report, file, index, code, error_text(err));
}

int
audit_report_end(struct audit_report *report)
{
    FILE *out = report->out;
    const bool ok = report->failures == 0 && !report->unreadable;
    if (report->json) {
        (void)fprintf(out,
                      "],\"ok\":%s,\"pinned\":%s,\"entries\":%" PRIu64 ",\"checkpoints\":%" PRIu64
                      ",\"cosignatures\":%" PRIu64,
                      ok ? "true" : "false", report->pinned ? "true" : "false", report->entries,
                      report->checkpoints, report->cosignatures);
        if (report->more != NULL)
            report->more(report->more_ctx, out, true);
        (void)fprintf(out, "}\n");
    } else {
        if (report->more != NULL)
            report->more(report->more_ctx, out, false);
        (void)fprintf(out,
                      "%s: %" PRIu64 " entries, %" PRIu64 " checkpoints, %" PRIu64
                      " cosignatures, %" PRIu64 " failures%s\n",
                      ok ? "ok" : "NOT ok", report->entries, report->checkpoints,
                      report->cosignatures, report->failures,
                      report->pinned ? "" : " (not pinned)");
    }
    if (report->unreadable)
        return CLI_UNREACHABLE;
    return ok ? CLI_DONE : CLI_REFUSED;
}
