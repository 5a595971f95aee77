"""What is pasted into a site to show a form: a script, a frame, or plain HTML; and the QR code of its page. Pure."""

import io
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

import segno
from markupsafe import Markup

from shared.form_pages.field_views import AUTOCOMPLETE_BY_TARGET, INPUT_TYPES
from shared.forms.field_definition import FormFieldRecord

EMBED_WAYS = ("script", "iframe", "html", "link")
SHOWN_MODES = ("inline", "popup", "iframe")
CONSENT_MODES = ("auto", "granted", "denied")
FRAME_HEIGHT = 820  # pixels, where no script fits it
QUIET_MODULES = 4  # around a QR code, as ISO/IEC 18004 asks for
QR_SCALE = 10  # pixels of a module

_find_values = re.compile(r'"[^"]*"').finditer


class EmbedChoices(NamedTuple):
    """How the script shows the form (`inline`, `popup`, `iframe`), and what it knows of consent before it is told."""

    mode: str = "inline"
    consent: str = "auto"


def script_snippet(page_url: str, title: str, choices: EmbedChoices) -> str:
    """Return the line for a site: the script, with a link to the page for whoever has no scripts."""
    address = escape(page_url)
    attributes = [f'src="{address}/embed.js"']
    if choices.mode != "inline":
        attributes.append(f'data-mode="{choices.mode}"')
    if choices.consent != "auto":
        attributes.append(f'data-consent="{choices.consent}"')
    form_id = escape(page_url.rpartition("/")[2])
    script = f"<script async {' '.join(attributes)}></script>"
    if choices.mode == "popup":
        return f'<a href="{address}" data-leadhub-open="{form_id}">{escape(title)}</a>\n{script}'
    return f'<div data-leadhub-form="{form_id}">\n  <a href="{address}">{escape(title)}</a>\n  {script}\n</div>'


def frame_snippet(page_url: str, title: str) -> str:
    """Return a frame for sites that strip scripts."""
    return (
        f'<iframe src="{escape(page_url)}?embed=1"\n  title="{escape(title)}" width="100%" height="{FRAME_HEIGHT}" '
        'loading="lazy"></iframe>'
    )


def html_snippet(page_url: str, fields: Sequence[FormFieldRecord], submit_label: str, trap: str) -> str:
    """Return a complete `<form>` of the fields, for a site's own styles. `trap` is the name of the honeypot."""
    has_files = any(field["type"] == "file" for field in fields)
    media = ' enctype="multipart/form-data"' if has_files else ""
    lines = [f'<form action="{escape(page_url)}" method="post"{media}>']
    lines += [f"  {line}" for field in fields for line in _field_lines(field)]
    lines.append(f'  <input name="{escape(trap)}" tabindex="-1" autocomplete="off" hidden> <!-- trap -->')
    return "\n".join([*lines, f"  <button>{escape(submit_label)}</button>", "</form>"])


def highlight_snippet(snippet: str) -> Markup:
    """Return a snippet with its attribute values marked."""
    markup, end = Markup(), 0
    for match in _find_values(snippet):
        markup += Markup.escape(snippet[end : match.start()]) + Markup('<span class="syntax-string">{}</span>').format(
            match[0]
        )
        end = match.end()
    return markup + Markup.escape(snippet[end:])


def qr_code(address: str) -> Markup:
    """Return the QR code of an address as SVG for a page."""
    code = segno.make(address, error="m", micro=False)
    inline = code.svg_inline(border=QUIET_MODULES, svgclass="qr-code", lineclass=None, omitsize=True)
    return Markup(inline)  # noqa: S704  # segno writes numbers only


def qr_file(address: str) -> bytes:
    """Return the QR code of an address as an SVG file."""
    buffer = io.BytesIO()
    segno.make(address, error="m", micro=False).save(buffer, kind="svg", border=QUIET_MODULES, scale=QR_SCALE)
    return buffer.getvalue()


def _field_lines(field: FormFieldRecord) -> list[str]:
    name, label, kind = escape(field["key"]), escape(field["label"]), field["type"]
    required = " required" if field["required"] else ""
    if kind == "hidden":
        return [f'<input type="hidden" name="{name}" value="">']
    if kind in ("radio", "multiselect") or (kind == "checkbox" and field["options"]):
        box = "radio" if kind == "radio" else "checkbox"
        boxes = [
            f'  <label><input type="{box}" name="{name}" value="{escape(option)}"'
            f"{required if box == 'radio' else ''}> {escape(option)}</label>"
            for option in field["options"]
        ]
        return ["<fieldset>", f"  <legend>{label}</legend>", *boxes, "</fieldset>"]
    if kind in ("checkbox", "consent"):
        text = escape(field["consent_text"] or field["label"])
        return [f'<label><input type="checkbox" name="{name}" value="1"{required}> {text}</label>']
    if kind == "select":
        options = [f"  <option>{escape(option)}</option>" for option in field["options"]]
        opening = f'<label>{label} <select name="{name}"{required}>'
        return [opening, '  <option value=""></option>', *options, "</select></label>"]
    if kind == "textarea":
        return [f'<label>{label} <textarea name="{name}"{required}></textarea></label>']
    return [f'<label>{label} <input name="{name}"{_input_attributes(field)}{required}></label>']


def _input_attributes(field: Mapping[str, Any]) -> str:
    attributes = {
        "type": "file" if field["type"] == "file" else INPUT_TYPES.get(field["type"], "text"),
        "autocomplete": AUTOCOMPLETE_BY_TARGET.get(field["maps_to"] or "", ""),
        "placeholder": field["placeholder"] or "",
        "accept": ",".join(field["accept"]) if field["type"] == "file" else "",
    }
    shown = {name: value for name, value in attributes.items() if value and (name, value) != ("type", "text")}
    return "".join(f' {name}="{escape(value)}"' for name, value in shown.items())
