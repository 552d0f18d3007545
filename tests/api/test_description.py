"""What /api/openapi.json promises is complete, and kept: also to those who send nonsense."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from webapp.api import (
    controls,
    flows,
    freeze,
    imports,
    llm_profiles,
    mcp_profiles,
    schedules,
    tasks,
)
from webapp.api.bodies import DESCRIBED, ErrorAnswer
from webapp.api.description import EXAMPLES, FREE
from webapp.web.refusals import answers_json

Draft202012Validator: Any = pytest.importorskip("jsonschema").Draft202012Validator
MODULES = (tasks, flows, schedules, imports, controls, freeze, llm_profiles, mcp_profiles)
"""What takes bodies of which there are examples."""
Spec = dict[str, Any]
ROUNDS = 12
NAMES = ("", "main", "x" * 300, "..", "%00", "%ff", "a b", "🙂", "1", "-1", "0", str(2**70), "NaN")
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 2**63, 2**70, 1e308, float("inf"), "", "shell", "queue", "true"),
    *("\0", "\ud800", "🙂" * 50, "x" * 3000, [], [None], {}, {"a": {"b": [1]}}, "2026-11-23"),
)


@pytest.fixture
def spec(api: FlaskClient) -> Spec:
    """The description as a client reads it."""
    found: Spec = api.get("/api/openapi.json").get_json()
    return found


def calls(spec: Spec) -> Iterator[tuple[str, str, Spec]]:
    """Every call: method, path and what is said of it."""
    for path, operations in sorted(spec["paths"].items()):
        for method, operation in operations.items():
            yield method, path, operation


def inside(part: Any) -> list[tuple[Any, Any]]:
    """What lies in a part of the description, by its name or number."""
    if isinstance(part, dict):
        return list(part.items())
    return list(enumerate(part)) if isinstance(part, list) else []


def schemas(part: Any, where: str = "#") -> Iterator[tuple[str, Spec]]:
    """Every schema of the description that is no part of another, and where it stands."""
    for name, inner in inside(part):
        if name == "schema" or where == "#/components/schemas":
            yield f"{where}/{name}", inner
        else:
            yield from schemas(inner, f"{where}/{name}")


def parts(schema: Spec) -> Iterator[Spec]:
    """A schema and every schema in it."""
    yield schema
    fields = schema.get("properties", {}).values()
    more = [schema.get(name) for name in ("items", "additionalProperties")]
    for one in (*fields, *more, *schema.get("anyOf", ())):
        if isinstance(one, dict):
            yield from parts(one)


def test_every_call_says_what_it_does_what_it_takes_and_how_it_refuses(spec: Spec) -> None:
    tags = {tag["name"] for tag in spec["tags"]}
    ids = []
    for method, path, call in calls(spec):
        where = f"{method} {path}"
        assert call["summary"], where
        assert set(call["tags"]) <= tags, where
        assert all(one["description"] for one in call["parameters"]), where
        refusals = set() if path in FREE else {"401", "403", "429", "503"}
        if "requestBody" in call:
            refusals |= {"400", "413", "415"}
        if re.search(r"\{(task|file)_id\}", path):
            refusals |= {"404"}
        assert refusals <= set(call["responses"]), where
        assert bool(call["security"]) == (path not in FREE), where
        ids.append(call["operationId"])
    assert len(set(ids)) == len(ids)


def test_everything_that_is_referred_to_is_there(spec: Spec) -> None:
    for target in set(re.findall(r"'\$ref': '#/([^']+)'", str(spec))):
        found = spec
        for part in target.split("/"):
            found = found[part]
    schemes = {name for _, _, call in calls(spec) for way in call["security"] for name in way}
    assert schemes == set(spec["components"]["securitySchemes"])


def test_every_schema_is_one_and_takes_its_own_default_and_examples(spec: Spec) -> None:
    known = {"components": spec["components"]}
    for where, schema in schemas(spec):
        Draft202012Validator.check_schema(schema)
        for part in parts(schema):
            told = [part["default"]] if "default" in part else []
            for value in [*told, *part.get("examples", [])]:
                assert Draft202012Validator({**part, **known}).is_valid(value), f"{where}: {part}"


def test_a_body_must_be_sent_where_it_has_fields_that_must_be(spec: Spec) -> None:
    required = {}
    for method, path, call in calls(spec):
        for kind, content in call.get("requestBody", {"content": {}})["content"].items():
            schema = content["schema"]
            if "$ref" in schema:
                schema = spec["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
            must = call["requestBody"].get("required", False)
            assert must == bool(schema.get("required")), f"{method} {path} {kind}"
            required[f"{method} {path}"] = must

    assert required["post /api/tasks/submit"] is True
    assert required["post /api/files/upload"] is True
    assert required["post /api/tasks/pause"] is False


def test_a_download_is_of_whatever_kind_the_file_is(spec: Spec) -> None:
    for path in ("/api/files/download", "/api/files/{file_id}"):
        assert list(spec["paths"][path]["get"]["responses"]["200"]["content"]) == ["*/*"]


def test_every_address_for_programs_is_described_and_no_other(api: FlaskClient, spec: Spec) -> None:
    served = {
        (method.lower(), re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in api.application.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if answers_json(rule.rule) and rule.rule != "/api/openapi.json"
    }

    assert served == {(method, path) for method, path, _ in calls(spec)}


def test_every_example_is_one(spec: Spec) -> None:
    bodies = {
        name: model
        for module in MODULES
        for name, model in vars(module).items()
        if name.endswith("Body")
    }
    for name, example in EXAMPLES.items():
        {**DESCRIBED, **bodies, "HTTPError": ErrorAnswer}[name].model_validate(example)
        assert spec["components"]["schemas"][name]["examples"] == [example]


def test_no_call_breaks_or_answers_what_it_did_not_announce_whatever_is_sent(
    api: FlaskClient, spec: Spec, submit: Callable[..., Any]
) -> None:
    dice = random.Random(7)
    known = {"task_id": submit(session_id="s").task_id, "session_id": "s"}
    for method, path, call in [one for one in calls(spec) for _ in range(ROUNDS)]:
        filled = re.sub(r"\{(\w+)\}", lambda found: _id(dice, found[1], known), path)
        wanted = [one["name"] for one in call["parameters"] if one["in"] == "query"]
        query = {name: dice.choice(NAMES) for name in wanted if dice.random() < 0.4}
        sent = {} if "requestBody" not in call else {"json": _body(dice, spec, call)}

        answer = api.open(filled, method=method.upper(), query_string=query, **sent)

        told = f"{method} {filled} {query} {sent}: {answer.status_code} {answer.text[:300]}"
        assert str(answer.status_code) in call["responses"], told
        assert answer.status_code < 500 or path == "/health/ready", told


def _id(dice: random.Random, name: str, known: dict[str, str]) -> str:
    ids = [name for name in NAMES if name and name != ".."]
    return dice.choice([known.get(name, "x"), *ids])


def _body(dice: random.Random, spec: Spec, call: Spec) -> Any:
    """An example with something wrong in it, or something else altogether."""
    [content] = call["requestBody"]["content"].values()
    name = content["schema"].get("$ref", "").rpartition("/")[2]
    body = dict(EXAMPLES.get(name, {}))
    fields = [*spec["components"]["schemas"].get(name, {}).get("properties", {}), "unknown"]
    for field in dice.sample(fields, min(len(fields), dice.randint(0, 2))):
        body[field] = dice.choice(VALUES)
    return dice.choice([body, body, body, dice.choice(VALUES)])
