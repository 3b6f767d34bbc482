#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Includes go downward only, are written from the root, and third-party headers have one home."""
import re

import tidy

# A folder may include itself and these (docs/adr/0001-layers.md).
BELOW = {
    "schemas": set(),
    "crypto": {"schemas"},
    "inspect": {"schemas", "crypto"},
    "policy": {"schemas", "crypto", "inspect"},
    "gateway": {"schemas", "crypto", "inspect", "policy"},
    "tools": {"schemas", "crypto", "inspect", "policy"},
    "tests": {"schemas", "crypto", "inspect", "policy", "gateway", "tools", "fuzz"},
    "fuzz": {"schemas", "crypto", "inspect", "policy", "gateway", "tools", "tests"},
}
GENERATED = {"tdz_config.h"}

# Header prefix -> the paths that may include it. Tests of a layer may use its libraries.
HOMES = [
    (r"openssl/", r"crypto/|gateway/net/tls\w*\.[ch]$|tests/unit/(crypto|gateway)/"),
    (r"sodium(\.h|/)", r"crypto/|tests/unit/crypto/"),
    (r"nghttp2/", r"gateway/net/h2\w*\.[ch]$"),
    (r"event2?/|event\.h", r"gateway/core/loop\.[ch]$"),
    (r"seccomp\.h|linux/(seccomp|landlock|filter)\.h", r"gateway/core/sandbox\w*\.[ch]$"),
    (r"sqlite3\.h", r"gateway/clerk/store_sqlite\w*\.[ch]$"),
    (r"curl/", r"tools/httpc\.[ch]$"),
    (r"(cjson/)?cJSON\.h", r"tests/unit/schemas/json_oracle_test\.c$"),
]


def check(files):
    wrong = []
    for path, text in files.items():
        folder = tidy.folder_of(path)
        if folder not in BELOW:
            continue
        text = tidy.code_only(text, strings=True)
        for line, match in tidy.search(r'(?m)^\s*#\s*include\s*([<"])([^>"]+)[>"]', text):
            kind, name = match.groups()
            fault = check_ours(path, folder, name) if kind == '"' else check_theirs(path, name)
            if fault:
                wrong.append(f"{path}:{line}: {fault}")
    return wrong


def check_ours(path, folder, name):
    if name in GENERATED:
        return None
    above = tidy.folder_of(name)
    if above not in BELOW or ".." in name:
        return f'"{name}": write includes from the root of the tree'
    if above != folder and above not in BELOW[folder]:
        return f'"{name}": {folder} may not include {above}'
    return None


def check_theirs(path, name):
    for header, home in HOMES:
        if re.match(header, name) and not re.match(home, path):
            return f"<{name}>: its home is {home}"
    return None


PLANTS = [
    ("schemas includes crypto", {"schemas/a.c": '#include "crypto/b.h"\n'}),
    ("crypto includes inspect", {"crypto/a.c": '#include "inspect/b.h"\n'}),
    ("inspect includes policy", {"inspect/a.h": '#include "policy/b.h"\n'}),
    ("policy includes gateway", {"policy/a.c": '  #  include "gateway/b.h"\n'}),
    ("tools include gateway", {"tools/a.c": '#include "gateway/core/b.h"\n'}),
    ("an include relative to its file", {"schemas/a.c": '#include "wire.h"\n'}),
    ("an include that climbs", {"crypto/a.c": '#include "schemas/../gateway/b.h"\n'}),
    ("OpenSSL in policy", {"policy/a.c": "#include <openssl/evp.h>\n"}),
    ("OpenSSL in another gateway file", {"gateway/net/h1.c": "#include <openssl/ssl.h>\n"}),
    ("libsodium in tools", {"tools/a.c": "#include <sodium.h>\n"}),
    ("nghttp2 in the link", {"gateway/link/a.c": "#include <nghttp2/nghttp2.h>\n"}),
    ("libevent outside the loop", {"gateway/core/a.c": "#include <event2/event.h>\n"}),
    ("libseccomp outside the sandbox", {"gateway/core/a.c": "#include <seccomp.h>\n"}),
    ("SQLite outside the store", {"gateway/clerk/clerk.c": "#include <sqlite3.h>\n"}),
    ("curl in a command", {"tools/push.c": "#include <curl/curl.h>\n"}),
    ("cJSON in the product", {"schemas/a.c": "#include <cjson/cJSON.h>\n"}),
]
CLEAN = {
    "crypto/a.c": '#include "schemas/span.h"\n#include <openssl/evp.h>\n',
    "gateway/net/tls_cert.c": "#include <openssl/ssl.h>\n",
    "tools/a.c": '/* #include "gateway/x.h" */\n#include "policy/x.h"\n#include "tdz_config.h"\n',
}

if __name__ == "__main__":
    tidy.run("includes of the tree go downward and stay at home", check, PLANTS, CLEAN,
             tidy.tree(".c", ".h", ".def"))
