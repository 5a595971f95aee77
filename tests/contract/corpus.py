"""Bodies that must be refused, each with the code it must be refused with."""

import json
from typing import Any, NamedTuple

from tests.contract.texts import HOSTILE, NO_EMAILS, NO_JSON

EMAIL = "corpus@example.com"
TEXTS = "first_name last_name phone company job_title country source status notes".split()
LONGEST = {
    **{"first_name": 255, "last_name": 255, "phone": 255, "company": 255, "job_title": 255, "country": 100},
    **{"source": 255, "status": 255, "notes": 10_000},
}
IDS = ("pipeline_id", "pipeline_stage_id", "assigned_user_id")


class Bad(NamedTuple):
    """One body; `field` is what the answer has to name, if anything."""

    name: str
    body: bytes
    code: str
    field: str | None = None
    media: str = "application/json"


def everything() -> list[Bad]:
    """The whole corpus."""
    parts = (unreadable(), too_deep(), misencoded(), no_objects(), wrong_types(), unstorable(), too_long())
    more = (no_emails(), hostile(), numbers(), media_types(), forms())
    return [case for part in (*parts, *more) for case in part]


def unreadable() -> list[Bad]:
    """What is not JSON."""
    return [Bad(f"unreadable-{n}", text.encode(), "BAD_REQUEST") for n, text in enumerate(NO_JSON)]


def too_deep() -> list[Bad]:
    """Over 32 levels, the lead itself being the first."""
    cases = []
    for levels in (32, 33, 64, 500, 2_000, 20_000):
        for opening, closing in (("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")):
            inner = opening * levels + "1" + closing * levels
            for field in ("custom_fields", "unknown"):
                body = f'{{"email":"{EMAIL}","{field}":{{"x":{inner}}}}}'
                cases.append(Bad(f"deep-{levels}-{opening}-{field}", body.encode(), "BAD_REQUEST"))
    return cases


def misencoded() -> list[Bad]:
    """What is not UTF-8."""
    lead = json.dumps({"email": EMAIL, "first_name": "Zoë"}, ensure_ascii=False)
    encodings = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "latin-1", "utf-8-sig")
    cases = [Bad(f"encoded-{name}", lead.encode(name), "BAD_REQUEST") for name in encodings]
    sequences = (
        *(b"\xff", b"\xfe", b"\xc0\x80", b"\xc1\xbf", b"\x80", b"\xbf", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98"),
        *(b"\xed\xa0\x80", b"\xed\xb0\x80", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xe0\x80\x80", b"\xc3\x28"),
    )
    for n, sequence in enumerate(sequences):
        for place in (b'"first_name":"%s"', b'"%s":1', b'"custom_fields":{"a":"%s"}'):
            body = b'{"email":"a@example.com",' + place.replace(b"%s", sequence) + b"}"
            cases.append(Bad(f"bytes-{n}-{place[:9].decode()}", body, "BAD_REQUEST"))
    return cases


def no_objects() -> list[Bad]:
    """JSON, but no object."""
    values: tuple[Any, ...] = ([], [{"email": EMAIL}], "text", "", 0, 1, -1.5, 10**30, True, False, None, [[]])
    return [Bad(f"no-object-{n}", json.dumps(value).encode(), "BAD_REQUEST") for n, value in enumerate(values)]


def wrong_types() -> list[Bad]:
    """Each field with values of each type that it does not take."""
    values: dict[str, Any] = {"int": 1, "float": 1.5, "true": True, "text": "x", "list": [1], "object": {"a": 1}}
    taken = {
        **{name: {"text"} for name in TEXTS},
        **{name: {"int"} for name in IDS},
        **{"tags": {"list"}, "custom_fields": {"object"}, "starred": {"true"}, "email": {"text"}},
    }
    cases = [
        _lead(f"type-{name}-{kind}", {name: value}, name)
        for name, kinds in taken.items()
        for kind, value in values.items()
        if kind not in kinds
    ]
    tags: tuple[Any, ...] = (1, 1.5, True, None, ["x"], {"name": "x"})
    cases += [_lead(f"type-tag-{n}", {"tags": ["fine", tag]}, "tags.1") for n, tag in enumerate(tags)]
    return cases + [_lead(f"id-{n}-{name}", {name: n}, name) for name in IDS for n in (0, -1, 2**53, 10**30)]


def unstorable() -> list[Bad]:
    """NUL and lone surrogates, in texts, keys, tags and deep inside."""
    cases = []
    for kind, text in {"nul": "a\0b", "high": "a\ud800", "low": "\udc00a", "pair": "\udc00\ud800"}.items():
        cases += [_lead(f"{kind}-{name}", {name: text}, name) for name in ("email", *TEXTS)]
        cases.append(_lead(f"{kind}-tag", {"tags": ["fine", text]}, "tags.1"))
        cases.append(_lead(f"{kind}-value", {"custom_fields": {"a": text}}, "custom_fields.a"))
        cases.append(_lead(f"{kind}-deep", {"custom_fields": {"a": [{"b": text}]}}, "custom_fields.a.0.b"))
        cases.append(_lead(f"{kind}-key", {"custom_fields": {text: 1}}, None))
        cases.append(_lead(f"{kind}-unknown", {"unknown": text}, "unknown"))
    return cases


def too_long() -> list[Bad]:
    """One character, item or key over the limit, and far over it."""
    cases = [
        _lead(f"long-{name}-{over}", {name: letter * (most + over)}, name)
        for name, most in LONGEST.items()
        for over, letter in ((1, "x"), (2_000, "ß"))
    ]
    return [
        *cases,
        _lead("long-email", {"email": "a" * 245 + "@example.com"}, "email"),
        _lead("long-tag", {"tags": ["x" * 101]}, "tags.0"),
        _lead("many-tags", {"tags": [str(n) for n in range(101)]}, "tags"),
        _lead("many-custom", {"custom_fields": {str(n): n for n in range(201)}}, "custom_fields"),
        _lead("long-key", {"custom_fields": {"x" * 101: 1}}, "custom_fields"),
        _lead("empty-key", {"custom_fields": {"": 1}}, "custom_fields"),
    ]


def no_emails() -> list[Bad]:
    """What is no address."""
    missing: tuple[Any, ...] = (
        {},
        {"email": None},
        {"email": ""},
        {"email": "  "},
        {"Email": EMAIL},
        {"first_name": "A"},
    )
    cases = [_body(f"no-email-{n}", {"email": text}, "email") for n, text in enumerate(NO_EMAILS)]
    return cases + [_body(f"missing-email-{n}", lead, "email") for n, lead in enumerate(missing)]


def hostile() -> list[Bad]:
    """Attacks, where no text can stand or only an address can."""
    return [
        _body(f"hostile-{n}-{field}", {"email": EMAIL, field: text}, field)
        for n, text in enumerate(HOSTILE)
        for field in ("email", "pipeline_id", "tags")
    ]


def numbers() -> list[Bad]:
    """Numbers that no store keeps exactly."""
    digits = (str(2**64), str(-(2**63) - 1), "1" + "0" * 30, "1" + "0" * 4000, "-1" + "0" * 300)
    lead = '{"email":"%s","custom_fields":{"a":%s}}'
    return [
        Bad(f"number-{n}", (lead % (EMAIL, number)).encode(), "VALIDATION_FAILED", "custom_fields.a")
        for n, number in enumerate(digits)
    ]


def media_types() -> list[Bad]:
    """Types that the endpoint does not take, around a body that it would."""
    types = (
        *("text/plain", "text/html", "application/xml", "text/xml", "application/x-ndjson", "multipart/form-data"),
        *("multipart/form-data; boundary=x", "application/octet-stream", "image/png", "text/json", "application/jsonp"),
        *("application/javascript", "text/csv", "application/x-yaml", "application/grpc", "application/cbor", "json"),
        *("application", "*/*", "application/json/x", "applications/json", "../../etc/passwd", "x" * 2_000),
    )
    body = json.dumps({"email": EMAIL}).encode()
    return [Bad(f"media-{n}", body, "UNSUPPORTED_MEDIA_TYPE", None, media) for n, media in enumerate(types)]


def forms() -> list[Bad]:
    """Urlencoded bodies."""
    media = "application/x-www-form-urlencoded"
    good = b"email=a@example.com&"
    broken = (
        good + b"first_name=%FF",
        good + b"%FF=1",
        good + b"a=\xff",
        good + b"a=%ED%A0%80",
        good + b"a=1&" * 1_001,
    )
    deep = (good + b"custom_fields" + b"[a]" * 40 + b"=1", good + b"x" + b"[]" * 3_000 + b"=1")
    bad = {
        **{
            "": "email",
            "email=": "email",
            "email=no": "email",
            "first_name=A": "email",
        },
        **{"&&&": "email", "=": "email", "email[a]=1": "email", "x=email": "email", "EMAIL=a@example.com": "email"},
    }
    more = {
        **{"first_name[a]=1": "first_name", "pipeline_id=x": "pipeline_id", "pipeline_id=0": "pipeline_id"},
        **{"starred=perhaps": "starred", "custom_fields=text": "custom_fields", "first_name=%00": "first_name"},
        **{"tags[][x]=1": "tags.0", "custom_fields[a]=%00": "custom_fields.a", "notes=" + "x" * 10_001: "notes"},
    }
    cases = [Bad(f"form-400-{n}", body, "BAD_REQUEST", None, media) for n, body in enumerate(broken + deep)]
    for n, (text, field) in enumerate(bad.items()):
        cases.append(Bad(f"form-422-{n}", text.encode(), "VALIDATION_FAILED", field, media))
    for n, (text, field) in enumerate(more.items()):
        cases.append(Bad(f"form-field-{n}", good + text.encode(), "VALIDATION_FAILED", field, media))
    return cases


def _lead(name: str, fields: dict[str, Any], field: str | None) -> Bad:
    return _body(name, {"email": EMAIL, **fields}, field)


def _body(name: str, lead: Any, field: str | None) -> Bad:
    return Bad(name, json.dumps(lead).encode(), "VALIDATION_FAILED", field)
