#!/usr/bin/env python3
"""Brings the endpoints of another system to grapnel, with their secrets. Nothing but Python's own library is needed.

  import-endpoints.py svix URL TOKEN                 >endpoints.ndjson
  import-endpoints.py convoy URL TOKEN PROJECT [HEADER [HASH [ENCODING]]]  >endpoints.ndjson
  import-endpoints.py load <endpoints.ndjson         with GRAPNEL_URL and GRAPNEL_KEY (scope manage)

The first two only read. Look at what they wrote, change it where you want, then load it; loading it again changes nothing. A line is
{"subscriber": …, "endpoint": {what PUT /v1/endpoints/{uid} takes}}; what could not be taken over is said on the standard error."""

import json
import os
import sys
import urllib.error
import urllib.request
from urllib.parse import quote, urlencode

failures = []  # lines that could not be loaded


def call(method, url, token, document=None):
    request = urllib.request.Request(url, method=method, data=None if document is None else json.dumps(document).encode(),
                                     headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Accept": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def note(endpoint, text):
    print(f"{endpoint['uid']} {endpoint['url']}: {text}", file=sys.stderr)


def line(subscriber, name, endpoint):
    print(json.dumps({"subscriber": subscriber, "name": name, "endpoint": {k: v for k, v in endpoint.items() if v not in (None, "", {})}}))


def svix_list(url, token):
    iterator = None
    while True:
        page = call("GET", url + "?" + urlencode({"limit": 100, **({"iterator": iterator} if iterator else {})}), token)
        yield from page["data"]
        if page["done"]:
            return
        iterator = page["iterator"]


def svix(url, token):
    """An application becomes a subscriber. The headers keep their names: svix-id, svix-timestamp, svix-signature."""
    for app in svix_list(f"{url}/api/v1/app", token):
        for one in svix_list(f"{url}/api/v1/app/{quote(app['id'])}/endpoint", token):
            at = f"{url}/api/v1/app/{quote(app['id'])}/endpoint/{quote(one['id'])}"
            endpoint = {"uid": one.get("uid") or one["id"].replace("ep_", "svix_"), "url": one["url"], "event_types": one.get("filterTypes") or ["*"],
                        "description": one.get("description"), "headers": call("GET", at + "/headers", token).get("headers"),
                        "signature": {"headers": {"prefix": "svix-"}}, "secret": call("GET", at + "/secret", token)["key"]}
            if not endpoint["secret"].startswith("whsec_"):
                note(endpoint, "its secret is no whsec_: it gets a new one, which its receiver must be given")
                del endpoint["secret"]
            if one.get("channels"):
                note(endpoint, f"has channels {one['channels']}: there are none here")
            if one.get("disabled"):
                note(endpoint, "is disabled there: it is loaded active")
            line(app.get("uid") or app["id"].replace("app_", "svix_"), app["name"], endpoint)


def convoy_list(url, token, **query):
    cursor = None
    while True:
        page = call("GET", url + "?" + urlencode({"perPage": 100, "direction": "next", **query, **({"next_page_cursor": cursor} if cursor else {})}), token)["data"]
        yield from page["content"] or []
        if not page["pagination"]["has_next_page"]:
            return
        cursor = page["pagination"]["next_page_cursor"]


def convoy(url, token, project, header="X-Convoy-Signature", hash="sha256", encoding="hex"):
    """An owner becomes a subscriber. Simple signatures go on, beside ours; header, hash and encoding are those of the project's settings."""
    base = f"{url}/api/v1/projects/{quote(project)}"
    for one in convoy_list(base + "/endpoints", token):
        types = []
        for subscription in convoy_list(base + "/subscriptions", token, endpointId=one["uid"]):
            filters = subscription.get("filter_config") or {}
            types += filters.get("event_types") or []
            if any((filters.get("filter") or {}).values()):
                note(one, "has a subscription that filters by body or headers: there are no such filters here")
        endpoint = {"uid": one["uid"], "url": one["url"], "event_types": sorted(set(types)) or ["*"], "description": one.get("description") or one.get("name")}
        secrets = [s["value"] for s in one.get("secrets") or [] if not s.get("expires_at")]
        if one.get("advanced_signatures"):
            note(endpoint, "has advanced signatures (over t,body): they cannot be made here; its receiver must verify ours")
        elif secrets:
            endpoint["signature"] = {"legacy": {"style": "hmac", "header": header, "algorithm": hash, "encoding": encoding, "secret": secrets[-1]}}
        if one.get("status") not in (None, "active"):
            note(endpoint, f"is {one['status']} there: it is loaded active")
        line(one.get("owner_id") or None, one.get("owner_id"), endpoint)


def load():
    url, key = os.environ["GRAPNEL_URL"].rstrip("/"), os.environ["GRAPNEL_KEY"]
    known = set()
    for number, text in enumerate(sys.stdin, 1):
        row = json.loads(text)
        subscriber, endpoint = row.get("subscriber"), row["endpoint"]
        try:
            if subscriber and subscriber not in known:
                call("PUT", f"{url}/v1/subscribers/{quote(subscriber)}", key, {"name": row.get("name") or subscriber})
                known.add(subscriber)
            at = f"{url}/v1/endpoints/{quote(endpoint['uid'])}?subscriber={quote(subscriber or '')}"
            made = call("PUT", at, key, {**endpoint, **({"subscriber": subscriber} if subscriber else {})})
            print(f"{made['id']} {subscriber or '-'} {endpoint['uid']} {endpoint['url']}")
        except urllib.error.HTTPError as error:
            problem = json.load(error)
            why = "; ".join(f"{e['pointer']}: {e['detail']}" for e in problem.get("errors", [])) or problem.get("detail") or problem["title"]
            print(f"line {number}: {endpoint['uid']} {endpoint['url']}: {why}", file=sys.stderr)
            failures.append(number)


if __name__ == "__main__":
    commands = {"svix": svix, "convoy": convoy, "load": load}
    if len(sys.argv) < 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    commands[sys.argv[1]](*sys.argv[2:])
    sys.exit(1 if failures else 0)
