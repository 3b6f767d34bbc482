# SPDX-License-Identifier: Apache-2.0
"""Part log: what group commit gains when an fdatasync takes 5 ms more, as multiples of one append
at a time, and how many fdatasyncs a batch takes."""
import json
import os
import subprocess


def measure(build, scratch):
    """R(64) and R(256) over R(1), and the runs they come from."""
    text = subprocess.run([os.path.join(build, "tests", "bench", "log_bench")], check=True,
                          cwd=scratch, stdout=subprocess.PIPE, text=True).stdout
    runs = json.loads(text)
    one = runs["1"]["entries_per_s"]
    return {"runs": runs, "r64_over_r1": round(runs["64"]["entries_per_s"] / one, 2),
            "r256_over_r1": round(runs["256"]["entries_per_s"] / one, 2)}
