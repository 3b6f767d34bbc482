#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The interface description against the tables it describes: partner_route.def, problem.def."""
import json
import os
import re
import sys

import jsonschema

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))))
METHODS = {"PR_READ": {"get", "head"}, "PR_GET": {"get"}, "PR_POST": {"post"}, "PR_PUT": {"put"}}
ROLES = {"PR_ALL": {"partner", "operator", "auditor"}, "PR_LOG": {"operator", "auditor"},
         "IDENTITY_PARTNER": {"partner"}}
# The list of operations OpenAPI 3.1 knows in a path item.
KNOWN = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
done = 0
failed = 0


def check(sentence, wrong):
    global done, failed
    done += 1
    failed += 1 if wrong else 0
    print(f"{'not ok' if wrong else 'ok'} {done} - {sentence}")
    for line in list(wrong)[:10]:
        print(f"#   {line}")


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def routes():
    """{path: (methods, roles)} of the route table, in the description's spelling."""
    rows = re.findall(r'PARTNER_ROUTE\(\w+, (\w+), "([^"]+)", (\w+), \w+,\s*\w+\)',
                      read("gateway/edge/partner_route.def"))
    found = {}
    for methods, path, roles in rows:
        path = path.replace("*}", "}")
        had = found.get(path, (set(), set()))
        found[path] = (had[0] | METHODS[methods], had[1] | ROLES[roles])
    return found


def walk(node, path="#"):
    yield path, node
    items = node.items() if isinstance(node, dict) else \
        enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield from walk(value, f"{path}/{key}")


def resolve(doc, ref):
    node = doc
    for part in ref.removeprefix("#/").split("/"):
        node = node[part.replace("~1", "/").replace("~0", "~")]
    return node


def broken_refs(doc):
    for path, node in walk(doc):
        if isinstance(node, dict) and "$ref" in node:
            try:
                resolve(doc, node["$ref"])
            except (KeyError, TypeError):
                yield f"{path}: {node['$ref']}"


def unused(doc):
    used = {node["$ref"] for _, node in walk(doc) if isinstance(node, dict) and "$ref" in node}
    for kind, parts in doc["components"].items():
        for name in parts:
            if kind != "securitySchemes" and f"#/components/{kind}/{name}" not in used:
                yield f"{kind}/{name}"


def operations(doc):
    for path, item in doc["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def undeclared(doc):
    """Path templates against the parameters declared, and what every operation must have."""
    seen = set()
    for path, method, operation in operations(doc):
        where = f"{method} {path}"
        given = [resolve(doc, p["$ref"]) for p in operation.get("parameters", [])]
        inside = {p["name"] for p in given if p["in"] == "path"}
        if inside != set(re.findall(r"{(\w+)}", path)):
            yield f"{where}: parameters {sorted(inside)}"
        if operation["operationId"] in seen:
            yield f"{where}: operationId {operation['operationId']} again"
        seen.add(operation["operationId"])
        if not operation.get("summary") or "default" not in operation["responses"]:
            yield f"{where}: no summary, or no default response"
        for status, response in operation["responses"].items():
            response = resolve(doc, response["$ref"]) if "$ref" in response else response
            if not response.get("description") or not re.fullmatch(r"default|[1-5]\d\d", status):
                yield f"{where}: response {status}"


def differing(doc):
    table = routes()
    for path in sorted(set(table) ^ set(doc["paths"])):
        yield f"{path}: only in {'the table' if path in table else 'the description'}"
    for path, item in doc["paths"].items():
        if path not in table:
            continue
        methods, roles = table[path]
        if set(item) != methods:
            yield f"{path}: {sorted(item)}, the table has {sorted(methods)}"
        for method, operation in item.items():
            if set(operation["x-tdz-roles"]) != roles:
                yield f"{method} {path}: roles {operation['x-tdz-roles']}"


def bad_schemas(doc):
    for name, schema in doc["components"]["schemas"].items():
        try:
            jsonschema.Draft202012Validator.check_schema(schema)
        except jsonschema.SchemaError as error:
            yield f"{name}: {error.message}"


def codes(doc):
    table = set(re.findall(r'PROBLEM\(\w+, "([^"]+)"', read("schemas/problem.def")))
    described = set(doc["components"]["schemas"]["Problem"]["properties"]["code"]["enum"])
    return sorted(table ^ described)


def main():
    doc = json.loads(read("gateway/edge/openapi.json"))
    check("it says OpenAPI 3.1 with title and version",
          [] if doc["openapi"].startswith("3.1.") and {"title", "version"} <= set(doc["info"])
          else [doc["openapi"]])
    check("the route table is read whole", [] if len(routes()) ==
          read("gateway/edge/partner_route.def").count("\nPARTNER_ROUTE(") else [routes()])
    check("its paths, methods and roles are those of the route table", list(differing(doc)))
    check("only operations are in its path items",
          [f"{m} {p}" for p, m, _ in operations(doc) if m not in KNOWN])
    check("parameters, summaries and responses are complete", list(undeclared(doc)))
    check("every reference leads somewhere", list(broken_refs(doc)))
    check("every component is used", list(unused(doc)))
    check("every schema is a schema", list(bad_schemas(doc)))
    check("its problem codes are those of the table", codes(doc))
    check("a client certificate is the only security",
          [] if doc["security"] == [{"certificate": []}] and
          doc["components"]["securitySchemes"]["certificate"]["type"] == "mutualTLS" else ["?"])
    doc["paths"]["/v1"]["get"]["x-tdz-roles"].remove("auditor")
    doc["components"]["schemas"]["Text"]["$ref"] = "#/nowhere"
    check("a wrong role and a dead reference would be found",
          [] if list(differing(doc)) and list(broken_refs(doc)) else ["not found"])
    print(f"1..{done}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
