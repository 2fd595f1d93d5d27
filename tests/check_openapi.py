"""Holds the description of the API against the tables that the program is made of:

routes.def      both ways: path, method, operationId = handler, summary, scope, query parameters, body, and the answers that every such route can give
errors.def      every code stands in Code and in the answer of its status, and nothing else does
the model       fields of endpoints, retry policies, events, subscribers and keys; reasons, failures, states, formats, kinds of
                operations, actions of the audit
openapi.yaml    openapi.json is what is made of it, with the version of configure.ac

check_openapi.py SRCDIR; exits 0, 1, or 77 when python3-yaml is missing and everything else agrees."""

import importlib.util
import json
import os
import re
import sys
from importlib.machinery import SourceFileLoader

SCOPES = {"PUBLISH": "publish", "READ": "read", "MANAGE": "manage", "ADMIN": "admin"}
ALWAYS = {"400", "413", "414", "417", "422", "429", "431", "500", "503"}
METHODS = {"get", "put", "post", "delete", "patch", "head", "options", "trace"}
findings = []


def finding(where, text):
    findings.append(f"{where}: {text}")


def same(where, documented, actual):
    for name in sorted(set(actual) - set(documented)):
        finding(where, f"{name} is missing in docs/openapi.yaml")
    for name in sorted(set(documented) - set(actual)):
        finding(where, f"{name} stands in docs/openapi.yaml, but not in the source")


class Description:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.document = json.load(file)
        self.used = set()

    def resolve(self, node):
        """Follows a reference; what stands beside it counts as well."""
        while "$ref" in node:
            node = {**self.at(node["$ref"]), **{k: v for k, v in node.items() if k != "$ref"}}
        return node

    def at(self, reference):
        node = self.document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
        return node

    def schema(self, name):
        return self.document["components"]["schemas"][name]

    def operations(self):
        for path, item in self.document["paths"].items():
            for method, operation in item.items():
                if method in METHODS:
                    parameters = [self.resolve(p) for p in item.get("parameters", []) + operation.get("parameters", [])]
                    yield method.upper(), path, operation, parameters

    def check_references(self):
        def walk(node):
            if isinstance(node, dict):
                if isinstance(node.get("$ref"), str):
                    self.used.add(node["$ref"])
                for value in node.values():
                    walk(value)
            elif isinstance(node, list):
                for value in node:
                    walk(value)

        walk(self.document)
        for reference in sorted(self.used):
            try:
                self.at(reference)
            except (KeyError, TypeError):
                finding("docs/openapi.yaml", f"{reference} leads nowhere")
        for kind, members in self.document["components"].items():
            for name in members:
                # Of no operation: the text above the paths tells of it.
                if kind != "securitySchemes" and f"#/components/{kind}/{name}" not in self.used and name != "MethodNotAllowed":
                    finding("docs/openapi.yaml", f"#/components/{kind}/{name} is not used")


def source(srcdir, path):
    with open(os.path.join(srcdir, path), encoding="utf-8") as file:
        return re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)


def rows(text, name, columns):
    found = re.findall(rf'^{name}\(\s*{columns}\s*\)', text, flags=re.M)
    if not found:
        finding("tests/check_openapi.py", f"no {name} rows were found")
    return found


def block(text, begin, end="};"):
    """What stands between a line that begins a table and its end."""
    at = text.find(begin)
    if at < 0:
        finding("tests/check_openapi.py", f"the table {begin!r} was not found")
        return ""
    return text[at : text.index(end, at)]


def check_routes(description, srcdir):
    columns = r'(\w+),\s*"([^"]*)",\s*(\w+),\s*(\w+),\s*(\w+),\s*"([^"]*)",\s*(\w+),\s*"([^"]*)"'
    routes = {(r[0], r[1]): r for r in rows(source(srcdir, "src/api/routes.def"), "ROUTE", columns) if r[2] != "LOCAL"}
    described = {(method, path): (operation, parameters) for method, path, operation, parameters in description.operations()}
    same("src/api/routes.def", [" ".join(k) for k in described], [" ".join(k) for k in routes])
    names = [operation.get("operationId") for operation, _ in described.values()]
    for name in sorted({n for n in names if names.count(n) > 1}):
        finding("docs/openapi.yaml", f"the operationId {name} stands {names.count(name)} times")
    for key in sorted(set(routes) & set(described)):
        check_route(description, " ".join(key), routes[key], *described[key])


def check_route(description, where, route, operation, parameters):
    _, path, scope, _, body, query, handler, summary = route
    wanted = [] if scope == "PUBLIC" else [{"key": [SCOPES[scope]]}]
    # A handler of several routes gives each operation a name that begins with its own.
    name = operation.get("operationId", "")
    if name != handler and not name.startswith(handler + "_"):
        finding(where, f"operationId is {name!r}, but by src/api/routes.def {handler!r}")
    for name, documented, actual in (
        ("summary", operation.get("summary"), summary),
        ("security", operation.get("security"), wanted),
    ):
        if documented != actual:
            finding(where, f"{name} is {documented!r}, but by src/api/routes.def {actual!r}")
    # "*": whatever a provider sends.
    same(f"{where}, query", [p["name"] for p in parameters if p["in"] == "query"], [] if query == "*" else query.split())
    same(f"{where}, path", [p["name"] for p in parameters if p["in"] == "path"], re.findall(r"{(\w+)}", path))
    if not operation.get("tags"):
        finding(where, "has no tag")
    check_headers(where, route[0], scope, {p["name"] for p in parameters if p["in"] == "header"}, operation["responses"])
    check_body(description, where, body, operation)
    check_answers(description, where, scope, body, path, operation)


def check_headers(where, method, scope, headers, answers):
    """Conditions and Idempotency-Key stand beside the answers that they bring with them."""
    if method == "POST" and scope != "PUBLIC" and not ("Idempotency-Key" in headers and "409" in answers):
        finding(where, "a POST takes Idempotency-Key and can answer 409")
    if ("If-Match" in headers) != ("412" in answers):
        finding(where, "If-Match and the answer 412 belong together")
    if "If-None-Match" in headers and method == "GET" and "304" not in answers:
        finding(where, "the answer 304 belongs to If-None-Match")


def check_body(description, where, body, operation):
    documented = description.resolve(operation["requestBody"]) if "requestBody" in operation else None
    if (documented is None) != (body == "NONE"):
        finding(where, f"its body is {body} by src/api/routes.def")
    elif documented and documented.get("required", False) != (body != "OPTIONAL"):
        finding(where, f"whether its body is required does not fit {body}")
    elif documented and "application/json" not in documented["content"]:
        finding(where, "its body has no application/json")


def check_answers(description, where, scope, body, path, operation):
    wanted = ALWAYS | (set() if scope == "PUBLIC" else {"401", "403"}) | ({"404"} if "{" in path else set()) | (set() if body == "NONE" else {"415"})
    for status in sorted(wanted - set(operation["responses"])):
        finding(where, f"the answer {status} is missing")
    if not any(status[0] == "2" for status in operation["responses"]):
        finding(where, "it has no answer of success")
    for status, answer in operation["responses"].items():
        answer = description.resolve(answer)
        if "x-request-id" not in answer.get("headers", {}):
            finding(where, f"the answer {status} has no x-request-id")
        problem = answer.get("content", {}).get("application/problem+json")
        if status[0] in "45" and not problem:
            finding(where, f"the answer {status} is no problem")
        elif problem and problem["schema"]["properties"]["status"]["const"] != int(status):
            finding(where, f"the answer {status} is that of another status")


def check_codes(description, srcdir):
    errors = rows(source(srcdir, "src/base/errors.def"), "ERROR", r'\w+, "(\w+)", (\d+), "[^"]*"')
    same("src/base/errors.def, Code", description.schema("Code")["enum"], [code for code, _ in errors])
    by_status = {}
    for name, answer in description.document["components"]["responses"].items():
        problem = answer.get("content", {}).get("application/problem+json")
        if problem:
            properties = problem["schema"]["properties"]
            by_status[properties["status"]["const"]] = (name, properties["code"]["enum"])
    same("src/base/errors.def, status", map(str, by_status), [status for _, status in errors])
    for status, (name, codes) in by_status.items():
        same(f"src/base/errors.def, {name}", codes, [code for code, of in errors if int(of) == status])


def check_fields(description, where, name, actual, read_only=()):
    properties = description.schema(name)["properties"]
    same(f"{where}, {name}", [k for k, v in properties.items() if not v.get("readOnly")], actual)
    same(f"{where}, {name}, read-only", [k for k, v in properties.items() if v.get("readOnly")], read_only)


def check_model(description, srcdir):
    endpoint = source(srcdir, "src/model/endpoint.c")
    table = re.findall(r'{"(\w+)", (?:endpoint_)?read_\w+}', block(endpoint, "} fields[] = {"))
    beside = re.findall(r'"(\w+)"', block(endpoint, "beside[] = {"))
    given = {"secret", "subscriber"}
    for name in ("EndpointWrite", "EndpointPatch"):
        check_fields(description, "src/model/endpoint.c", name, [*table, "uid", *given], set(beside) - given)
    shown = re.findall(r'{"(\w+)", ', block(source(srcdir, "src/model/endpoint_json.c"), "members[] = {", "};"))
    check_fields(description, "src/model/endpoint_json.c", "Endpoint", shown)
    same("src/model/endpoint_json.c, Endpoint, required", description.schema("Endpoint")["required"], shown)

    retry = re.findall(r'{"(\w+)", \w+, read_\w+}', block(source(srcdir, "src/model/retry.c"), "} fields[] = {"))
    check_fields(description, "src/model/retry.c", "RetryWrite", retry)
    envelope = re.findall(r'{"/(\w+)", \w+}', block(source(srcdir, "src/ingest/envelope.c"), "} fields[ENVELOPE_FIELDS] = {"))
    check_fields(description, "src/ingest/envelope.c", "EventWrite", envelope)
    subscriber = source(srcdir, "src/model/subscriber.c")
    known = re.findall(r'strcmp\(key, "(\w+)"\)', subscriber)
    for name in ("SubscriberWrite", "SubscriberPatch"):
        check_fields(description, "src/model/subscriber.c", name, known, re.findall(r'"(\w+)"', block(subscriber, "read_only[] = {")))
    table = re.findall(r'{"(\w+)", (?:endpoint_)?read_\w+}', block(source(srcdir, "src/source/source.c"), "} fields[] = {"))
    shape = source(srcdir, "src/source/source_json.c")
    for name in ("SourceWrite", "SourcePatch"):
        check_fields(description, "src/source/source.c", name, [*table, "uid", *re.findall(r'"(\w+)"', block(shape, "beside[] = {"))], re.findall(r'"(\w+)"', block(shape, "read_only[] = {")))
    shown = re.findall(r'{"(\w+)", ', block(shape, "members[] = {"))
    check_fields(description, "src/source/source_json.c", "Source", shown)
    key = source(srcdir, "src/model/key.c")
    check_fields(description, "src/model/key.c", "KeyWrite", re.findall(r'"(\w+)"', block(key, "*const known[] = {")))
    same("src/model/key.c, Scopes", description.schema("Scopes")["items"]["enum"], re.findall(r'{SCOPE_\w+, "(\w+)"', key))
    names = re.findall(r'{"(\w+)", offsetof', source(srcdir, "src/api/dead_letters.c"))
    check_fields(description, "src/api/dead_letters.c", "DeadLetterFilter", names)


def check_words(description, srcdir):
    for file, row, name in (("reasons", "REASON", "Reason"), ("failures", "FAILURE", "Failure")):
        words = rows(source(srcdir, f"src/model/{file}.def"), row, r'\w+, "(\w*)", \d+, "[^"]*"')
        same(f"src/model/{file}.def", description.schema(name)["enum"], [w for w in words if w])
    formats = re.findall(r'"([\w-]+)"', block(source(srcdir, "src/model/endpoint.c"), "formats[] = {"))
    same("src/model/endpoint.c, formats", description.schema("EndpointFormat")["enum"], formats)
    kinds = re.findall(r'\] = "(\w+)"', block(source(srcdir, "src/api/render.c"), "kinds[] = {"))
    same("src/api/render.c, kinds", description.schema("Operation")["properties"]["kind"]["enum"], kinds)
    actions = re.findall(r'{CHANGE_\w+, "([\w.]+)"}', source(srcdir, "src/store/audit.c"))
    same("src/store/audit.c, actions", description.schema("AuditAction")["enum"], actions)
    read_only = re.findall(r'"(\w+)"', block(source(srcdir, "src/model/event_type.c"), "read_only[] = {"))
    known = re.findall(r'strcmp\(name, "(\w+)"\)', source(srcdir, "src/model/event_type.c"))
    check_fields(description, "src/model/event_type.c", "DescribedTypeWrite", known, read_only)
    reasons = rows(source(srcdir, "src/scheme/reasons.def"), "REASON", r'\w+, "(\w+)", \d+, "[^"]*"')
    same("src/scheme/reasons.def", description.schema("RejectionReason")["enum"], reasons)
    states = rows(source(srcdir, "src/model/states.def"), "STATE", r'\w+, "(\w+)", \d+')
    same("src/model/states.def", description.schema("State")["enum"], states)


def check_made(srcdir):
    """Whether openapi.json is what is made of openapi.yaml; False when that cannot be seen here."""
    if not importlib.util.find_spec("yaml"):
        return False
    sys.dont_write_bytecode = True
    loader = SourceFileLoader("openapi_json", os.path.join(srcdir, "build-aux/openapi-json"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("openapi_json", loader))
    loader.exec_module(module)
    with open(os.path.join(srcdir, "docs/openapi.json"), encoding="utf-8") as file:
        if file.read() != module.converted(os.path.join(srcdir, "docs/openapi.yaml")):
            finding("docs/openapi.json", "differs from docs/openapi.yaml: run make docs")
    return True


def main(srcdir):
    description = Description(os.path.join(srcdir, "docs/openapi.json"))
    seen = check_made(srcdir)
    version = re.search(r"AC_INIT\(\[grapnel\], \[([^\]]*)\]\)", source(srcdir, "configure.ac")).group(1)
    if description.document["info"]["version"] != version:
        finding("docs/openapi.yaml", f"info.version is not {version}, that of configure.ac")
    description.check_references()
    check_routes(description, srcdir)
    check_codes(description, srcdir)
    check_model(description, srcdir)
    check_words(description, srcdir)
    for text in findings:
        print(text)
    if findings:
        return 1
    if not seen:
        print("python3-yaml is missing: whether docs/openapi.json is made of docs/openapi.yaml was not looked at")
    return 0 if seen else 77


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
