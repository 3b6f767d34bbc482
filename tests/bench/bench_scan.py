# SPDX-License-Identifier: Apache-2.0
"""Part scan: GB per CPU second that an inspection reads, beside a plain read of the same buffer."""
import json
import os
import subprocess


def measure(build, _scratch):
    """One result a corpus: {case: {"scan", "read", "share", ...}}."""
    out = subprocess.run([os.path.join(build, "tests", "bench", "scan_bench")], check=True,
                         stdout=subprocess.PIPE, text=True).stdout
    result = json.loads(out)
    for case in result.values():
        if isinstance(case, dict):
            case["share"] = round(case["scan"] / case["read"], 4)
    return result
