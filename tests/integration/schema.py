"""Compares JSON values with the schemas of the hub's own description, strictly: a member that no schema names is a finding, too (clients
must accept new ones, but the description must not miss any)."""

import re

TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
    "integer": int,
    "number": (int, float),
}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
KNOWN = {
    "$ref", "type", "const", "enum", "pattern", "format", "minLength", "maxLength", "minimum", "maximum", "properties", "required",
    "additionalProperties", "propertyNames", "maxProperties", "items", "minItems", "maxItems", "uniqueItems", "oneOf", "anyOf", "allOf",
    "description", "default", "readOnly", "contentEncoding",
}  # fmt: skip


class Schemas:
    def __init__(self, document):
        self.document = document

    def at(self, reference):
        node = self.document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
        return node

    def resolve(self, node):
        while "$ref" in node:
            node = {**self.at(node["$ref"]), **{k: v for k, v in node.items() if k != "$ref"}}
        return node

    def findings(self, value, schema, where=""):
        """What is wrong, as a list of texts."""
        schema = self.resolve(schema)
        assert set(schema) <= KNOWN, f"this comparison does not know {set(schema) - KNOWN}"
        found = [*self._plain(value, schema, where), *self._choices(value, schema, where)]
        if isinstance(value, dict):
            found += self._object(value, schema, where)
        if isinstance(value, list):
            for i, element in enumerate(value):
                found += self.findings(element, self._items(schema), f"{where}/{i}")
        return found

    def _plain(self, value, schema, where):
        types = schema.get("type", [])
        types = [types] if isinstance(types, str) else types
        if types and not any(isinstance(value, TYPES[t]) and not (t in ("integer", "number") and isinstance(value, bool)) for t in types):
            yield f"{where}: {value!r} is no {types}"
        if "const" in schema and value != schema["const"]:
            yield f"{where}: {value!r} is not {schema['const']!r}"
        if "enum" in schema and value not in schema["enum"]:
            yield f"{where}: {value!r} is none of {schema['enum']}"
        if isinstance(value, str):
            if "pattern" in schema and not re.search(schema["pattern"], value):
                yield f"{where}: {value!r} does not match {schema['pattern']}"
            if schema.get("format") == "date-time" and not TIME.fullmatch(value):
                yield f"{where}: {value!r} is no time"
            if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
                yield f"{where}: {value!r} has {len(value)} characters"
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
                yield f"{where}: {value!r} is out of range"

    def _choices(self, value, schema, where):
        for name in ("oneOf", "anyOf"):
            if name in schema:
                each = [self.findings(value, choice, where) for choice in schema[name]]
                good = sum(not found for found in each)
                if good == 0:
                    yield f"{where}: fits none of {name}: {each}"
                if good > 1 and name == "oneOf":
                    yield f"{where}: fits {good} of oneOf"

    def _members(self, schema):
        """Everything that the schema and those it is made of name: properties, required."""
        schema = self.resolve(schema)
        properties, required = dict(schema.get("properties", {})), set(schema.get("required", []))
        for part in schema.get("allOf", []):
            more, needed = self._members(part)
            # What the whole says about a member counts as well as what the part says.
            properties = {**more, **{k: {**self.resolve(more.get(k, {})), **self.resolve(v)} for k, v in properties.items()}}
            required |= needed
        return properties, required

    def _items(self, schema):
        return schema.get("items", {})

    def _object(self, value, schema, where):
        properties, required = self._members(schema)
        for name in sorted(required - set(value)):
            yield f"{where}: {name} is missing"
        others = schema.get("additionalProperties")
        described = properties or required or others is not None
        choices = "oneOf" in schema or "anyOf" in schema
        for name, member in value.items():
            if name in properties:
                yield from self.findings(member, properties[name], f"{where}/{name}")
            elif isinstance(others, dict):
                yield from self.findings(member, others, f"{where}/{name}")
            elif described and not choices:
                yield f"{where}: {name} is not described"

    def answer(self, method, path, status):
        """The schema of an operation's answer; None when it has no body."""
        answer = self.resolve(self.document["paths"][path][method.lower()]["responses"][str(status)])
        if "content" not in answer:
            return None
        return next(iter(answer["content"].values()))["schema"]
