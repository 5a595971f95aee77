"""Bodies of providers as strange senders would change them, for the tests of several readers."""

import base64
from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st

from shared.integrations.provider import Provider
from shared.integrations.providers import (
    calendly,
    elementor,
    gravity_forms,
    jotform,
    netlify,
    tally,
    typeform,
    unbounce,
    webflow,
    wpforms,
)

PINTEREST_KEY = base64.b64encode(bytes(range(32))).decode()
MIME = (
    'From: "Lovelace, Ada" <ada@example.com>\r\nMessage-ID: <2@example.com>\r\nSubject: =?utf-8?q?D=C3=A4ch?=\r\n'
    "Date: Thu, 12 Oct 2017 18:03:30 -0700\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n"
    "--B\r\nContent-Type: text/html; charset=UTF-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    "<p>It's a body=E2=80=A6</p><blockquote>old</blockquote>\r\n"
    '--B\r\nContent-Type: application/pdf; name="plan.pdf"\r\nContent-Disposition: attachment\r\n\r\nx\r\n--B--\r\n'
)
JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


def by_type(providers: Iterable[Provider]) -> dict[str, Provider]:
    """Return providers by the names of their types."""
    return {provider.type.type: provider for provider in providers}


FORM_PROVIDERS = by_type(
    module.PROVIDER
    for module in (
        calendly,
        elementor,
        gravity_forms,
        jotform,
        netlify,
        tally,
        typeform,
        unbounce,
        webflow,
        wpforms,
    )
)


def change_document(document: Any, data: st.DataObject, values: st.SearchStrategy[Any] = JSON_VALUES) -> Any:
    """Return a document with one value, anywhere in it, replaced or removed."""
    path = data.draw(st.sampled_from(_paths_of(document)))
    if path and not data.draw(st.integers(0, 9)):
        return _changed(document, path, None, is_removed=True)
    return _changed(document, path, data.draw(values))


def _paths_of(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    members = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(found for key, child in members for found in _paths_of(child, (*path, key)))]


def _changed(node: Any, path: tuple[Any, ...], value: Any, is_removed: bool = False) -> Any:
    if not path:
        return value
    copy: Any = node.copy()
    if is_removed and len(path) == 1:
        del copy[path[0]]
    else:
        copy[path[0]] = _changed(node[path[0]], path[1:], value, is_removed)
    return copy
