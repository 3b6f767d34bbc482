#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tdz classify as people run it, against the contract of the command line. The truth is known
because the files are made here, cell by cell. classify_test.py TDZ"""
import json
import os
import random
import subprocess
import sys
import tempfile

TDZ = os.path.abspath(sys.argv[1])
R = random.Random(11)
count = 0
failed = 0


def ok(good, sentence):
    global count, failed
    count += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {count} - {sentence}", flush=True)


def tdz(*args):
    return subprocess.run([TDZ, "classify", *args], capture_output=True, timeout=60)


def mykad():
    return (f"{R.randint(50, 99)}{R.randint(1, 12):02}{R.randint(1, 28):02}"
            f"{R.randint(1, 16):02}{R.randint(0, 9999):04}")


def grouped(digits):
    return f"{digits[:6]}-{digits[6:8]}-{digits[8:]}"


def prc():
    head = (f"310115{R.randint(1950, 2004)}{R.randint(1, 12):02}{R.randint(1, 28):02}"
            f"{R.randint(0, 999):03}")
    weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
    return head + "10X98765432"[sum(int(d) * w for d, w in zip(head, weights)) % 11]


class Table:
    """Rows of cells with the byte place of every identifier in them."""

    def __init__(self, head=""):
        self.data = head.encode()
        self.truth = []

    def row(self, *cells):
        """A cell is text, or (before, identifier, after, type)."""
        for k, cell in enumerate(cells):
            self.data += b"," if k else b""
            if isinstance(cell, str):
                self.data += cell.encode()
                continue
            before, value, after, kind = cell
            at = len(self.data) + len(before.encode())
            self.truth.append((at, len(value.encode()), kind))
            self.data += (before + value + after).encode()
        self.data += b"\n"


def write(name, data):
    with open(name, "wb") as file:
        file.write(data)
    return name


def findings(name):
    with open(name, encoding="utf-8") as file:
        text = file.read()
    lines = [line.split("\t") for line in text.split("\n")[:-1]]
    whole = text == "" or text.endswith("\n")
    return whole and all(len(line) == 4 for line in lines), lines


def found_is(lines, name, truth):
    return lines == [[name, str(at), str(length), kind] for at, length, kind in truth]


def headless():
    table = Table()
    for row in range(60):
        table.row(str(row), "Siti Aminah", ("", mykad(), "", "mykad"),
                  ("", prc(), "", "prc_id"), ("", f"u{row}@mail.example", "", "email"))
    name = write("people.csv", table.data)
    done = tdz("--json", "--findings", "people.tsv", name)
    seen = json.loads(done.stdout)
    whole, lines = findings("people.tsv")
    ok(done.returncode == 0 and whole and found_is(lines, name, table.truth),
       "every identifier of a table without header is found at its place, in order")
    types = [column["type"] for column in seen["columns"]]
    names = [column["name"] for column in seen["columns"]]
    ok(types == [None, None, "mykad", "prc_id", "email"] and
       names == ["#1", "#2", "#3", "#4", "#5"],
       "its columns are named by number and typed by what they hold")
    ok(seen["labels"] == ["personal", "sensitive_personal"] and seen["rows"] == 60 and
       seen["coverage"] == "full" and seen["reasons"] == [],
       "labels, rows and coverage are those of the table")
    ok(seen["persons"] == {"lower": 60, "upper": 120},
       "persons are bounded from below by one type and from above by all numbers")
    ok(b"Siti" not in done.stdout and b"@mail" not in done.stdout, "no cell is printed")


def needle():
    table = Table("device,reading,remark\n")
    for row in range(20000):
        remark = ("see ", prc(), " there", "prc_id") if row == 17321 else "ok"
        table.row(str(row), f"{row % 97}.{row % 89:02}", remark)
    name = write("clean.csv", table.data)
    done = tdz("--json", "--findings", "clean.tsv", name)
    seen = json.loads(done.stdout)
    _, lines = findings("clean.tsv")
    ok(done.returncode == 0 and found_is(lines, name, table.truth) and len(lines) == 1,
       "one identifier in a clean table of 20000 rows is found at its place")
    ok(seen["labels"] == ["sensitive_personal"] and seen["persons"] == {"lower": 1, "upper": 1},
       "and makes the table what it is")


def forms():
    table = Table("a,b,c,time\n")
    key = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----"
    wide = "".join(chr(0xff10 + int(d)) for d in "850715085213")
    table.row("x", ('"', grouped(mykad()), '"', "mykad"), "", "261122041840")
    table.row("  ", (" ", grouped(mykad()), " ", "mykad"), "", "261122041841")
    table.row("y", ("IC ", wide, "", "mykad"), "", "261122041842")
    table.row('"a ""q"" b"', ('"', key, '"', "private_key"), "", "261122041843")
    table.row("z", ("AWS ", "AKIAIOSFODNN7EXAMPLE", ".", "aws_key"), "", "261122041844")
    for row in range(40):
        table.row("w", "ok", "", f"2611220418{row + 10}")
    name = write("forms.csv", table.data)
    done = tdz("--findings", "forms.tsv", name)
    _, lines = findings("forms.tsv")
    ok(done.returncode == 0 and found_is(lines, name, table.truth),
       "quotes and outer spaces are out, inner separators in, full-width digits as stored, "
       "times are none")
    ok(b"forms.csv" in done.stdout and b"credential" in done.stdout and done.stderr == b"",
       "without --json the page for people is on standard output")


def several():
    one = Table("a,b\n")
    one.row("1", ("", "a@mail.example", "", "email"))
    two = Table("a,b\n")
    two.row("1", ("", "b@mail.example", "", "email"))
    write("z.csv", one.data)
    write("a.csv", two.data)
    done = tdz("--json", "--findings", "two.tsv", "z.csv", "a.csv")
    lines = findings("two.tsv")[1]
    pages = [json.loads(line) for line in done.stdout.splitlines()]
    ok([line[0] for line in lines] == ["z.csv", "a.csv"] and
       [page["file"] for page in pages] == ["z.csv", "a.csv"],
       "files are reported in the order given, one JSON line each")
    write("none.csv", b"a,b\n1,2\n3,4\n")
    done = tdz("--json", "--findings", "none.tsv", "none.csv")
    ok(done.returncode == 0 and os.path.getsize("none.tsv") == 0 and
       json.loads(done.stdout)["labels"] == [], "a clean file has no findings and exit code 0")
    write("zip.bin", b"PK\x03\x04" + bytes(200))
    seen = json.loads(tdz("--json", "zip.bin").stdout)
    ok(seen["coverage"] == "opaque" and seen["labels"] == ["opaque"] and seen["columns"] == [],
       "a format that is not read is opaque")


def schemas():
    schema = {"format": "csv", "additional": "refuse", "fields": [
        {"name": "patient", "type": "string", "x-class": "personal", "x-identifier": "mykad"},
        {"name": "value", "type": "number", "x-class": "business"}]}
    write("schema.json", json.dumps(schema).encode())
    good = Table("patient,value\n")
    bad = Table("patient,value,extra\n")
    for row in range(30):
        good.row(grouped(mykad()), str(row))
        bad.row(grouped(mykad()), prc(), "x")
    write("good.csv", good.data)
    write("bad.csv", bad.data)
    seen = json.loads(tdz("--json", "--schema", "schema.json", "good.csv").stdout)
    ok(seen["contradicted"] is False and
       seen["columns"][0] == {"declared": "personal", "name": "patient", "observed": "personal",
                              "type": "mykad"},
       "with --schema the columns carry their declared names and classes")
    done = tdz("--json", "--schema", "schema.json", "bad.csv")
    seen = json.loads(done.stdout)
    ok(done.returncode == 0 and seen["contradicted"] is True and
       seen["columns"][2]["name"] == "#3" and b"extra" not in done.stdout,
       "what contradicts the declaration is said, and is no error of the command")
    ok(b"contradicts: class" in tdz("--schema", "schema.json", "bad.csv").stdout,
       "the page for people names the contradiction")
    schema["fields"][0]["x-identifier"] = "nric"
    write("wrong.json", json.dumps(schema, indent=1).encode())
    done = tdz("--schema", "wrong.json", "good.csv")
    ok(done.returncode == 2 and done.stdout == b"" and b"wrong.json:" in done.stderr,
       "a schema that is none is bad input, with its place")


def refusals():
    ok(tdz().returncode == 2, "without a file the command is used wrongly")
    ok(tdz("--no-such-option", "good.csv").returncode == 2, "so it is with an unknown option")
    done = tdz("missing.csv")
    ok(done.returncode == 3 and b"missing.csv" in done.stderr and done.stdout == b"",
       "a file that cannot be read is exit code 3")
    done = tdz("--json", "missing.csv", "good.csv")
    ok(done.returncode == 3 and json.loads(done.stdout)["file"] == "good.csv",
       "and the others are still read")
    ok(tdz("--schema", "missing.json", "good.csv").returncode == 3,
       "a schema that cannot be read is exit code 3")
    ok(tdz("--findings", "no/such/folder.tsv", "good.csv").returncode == 3,
       "findings that cannot be written are exit code 3")
    ok(tdz("--help").returncode == 0, "--help is one")
    os.mkdir("folder")
    done = tdz("folder")
    ok(done.returncode == 3 and b"folder: Is a directory" in done.stderr,
       "a folder instead of a file is called so")
    os.symlink("good.csv", "link.csv")
    with open("good.csv", "rb") as f:
        before = f.read()
    for out in ("good.csv", "./good.csv", "link.csv"):
        done = tdz("--findings", out, "bad.csv", "good.csv")
        with open("good.csv", "rb") as f:
            ok(done.returncode == 2 and b"name another" in done.stderr and before != b"" and
               f.read() == before,
               f"findings do not overwrite what is read ({out})")
    done = tdz("--findings", "schema.json", "--schema", "schema.json", "good.csv")
    ok(done.returncode == 2 and os.path.getsize("schema.json") > 0, "nor do they the schema")


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for test in (headless, needle, forms, several, schemas, refusals):
            test()
        os.chdir("/")
    print(f"1..{count}")
    return 1 if failed else 0


sys.exit(main())
