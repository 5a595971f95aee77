"""Mails are cut down to what their senders wrote, and senders are read from any header."""

import time

import pytest

from shared.integrations.reading.inbound_mail import parse_address
from shared.integrations.reading.mail_text import html_text, written_text

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "quote",
    [
        "On Mon, 5 Jan 2026 at 10:00, Sales <sales@example.com> wrote:\n> old",
        "On Mon, 5 Jan 2026 at 10:00, Sales Department <sales@example.com>\nwrote:\n> old",
        "Am 05.01.2026 um 10:00 schrieb Sales <sales@example.com>:\n> old",
        "Le lun. 5 janv. 2026 à 10:00, Sales <sales@example.com> a écrit :\n> old",
        "El lun, 5 ene 2026 a las 10:00, Sales (<sales@example.com>) escribió:\n\nold",
        "Em seg., 5 de jan. de 2026 às 10:00, Sales <sales@example.com> escreveu:\nold",
        "Il giorno lun 5 gen 2026 alle ore 10:00 Sales <sales@example.com> ha scritto:\nold",
        "Op ma 5 jan 2026 om 10:00 schreef Sales <sales@example.com>:\nold",
        "pon., 5 sty 2026 o 10:00 Sales <sales@example.com> napisał(a):\nold",
        "пн, 5 янв. 2026 г. в 10:00, Sales <sales@example.com>:\n> old",
        "5 Oca 2026 Pzt 10:00 tarihinde Sales <sales@example.com> şunu yazdı:\nold",
        "في الاثنين، 5 يناير 2026 كتب Sales <sales@example.com>:\nold",
        "2026年1月5日 10:00，Sales <sales@example.com> 写道：\nold",
        "2026年1月5日(月) 10:00 Sales <sales@example.com>:\n> old",
        "-----Original Message-----\nFrom: Sales\nold",
        "________________________________\nFrom: Sales <sales@example.com>\nSent: Monday, 5 January\nTo: Ada\nold",
        "Von: Sales <sales@example.com>\nGesendet: Montag, 5. Januar 2026\nAn: Ada\nBetreff: x\n\nold",
        "De : Sales\nEnvoyé : lundi\nÀ : Ada\nold",
        "> old\n> older",
    ],
)
def test_quoted_reply_is_cut(quote: str) -> None:
    assert written_text(f"Yes, please call me.\r\n\r\nOn Monday.\n\n{quote}\n") == "Yes, please call me.\n\nOn Monday."


@pytest.mark.parametrize(
    "signature",
    [
        "-- \nAda Lovelace\nEngineer",
        "Best regards,\n\nAda Lovelace\n+44 20 7946 0000",
        "Mit freundlichen Grüßen\nAda",
        "Cordialement,\nAda",
        "Un saludo\nAda",
        "С уважением,\nАда",
        "مع التحية،\nآدا",
        "Sent from my iPhone",
        "Von meinem iPhone gesendet",
        "Enviado desde mi iPhone",
        "Get Outlook for iOS",
    ],
)
def test_signature_is_cut(signature: str) -> None:
    assert written_text(f"Please call me.\n\n{signature}") == "Please call me."


@pytest.mark.parametrize(
    "text",
    [
        "My boss wrote:\nwe need a roof",
        "Best offer?\nAda",
        "From: Ada\nI would like a roof",
        "---------- Forwarded message ---------\nFrom: Bo <bo@example.com>\n\nA lead for you",
        "On 5 January I wrote to you. Call me: +14155550123",
        "> only a quote",
        "-- ",
    ],
)
def test_what_is_no_quote_or_signature_stays(text: str) -> None:
    assert written_text(text) == text.strip()


def test_answers_between_quoted_lines_stay() -> None:
    assert written_text("> How big?\n60 m²\n> When?\nMay") == "60 m²\nMay"


def test_html_becomes_text_without_what_it_quotes() -> None:
    html = (
        "<html><head><title>x</title><style>p{}</style></head><body><!-- <p>no</p> --><p>Hello&nbsp;&amp; hi<br>"
        'A  roof</p><div class="gmail_quote">On Monday I wrote<blockquote>old</blockquote></div></body></html>'
    )
    assert html_text(html) == "Hello & hi\nA roof"
    assert html_text("a < b <unclosed") == "a < b <unclosed"


@pytest.mark.parametrize(
    "piece", ["<", "<!", "<!--", "<a ", "&#1", "<![", "</a", "<div class='", "lg\n", "On 1\n", "From:\n"]
)
def test_evil_mails_take_no_time(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    started = time.process_time()
    html_text(text)
    written_text(text)
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("header", "name", "address"),
    [
        ("Ada Lovelace <ada@example.com>", "Ada Lovelace", "ada@example.com"),
        ('"Lovelace, Ada" <ada@example.com>', "Lovelace, Ada", "ada@example.com"),
        ('"Ada \\"Countess\\" L" <ada@example.com>', 'Ada "Countess" L', "ada@example.com"),
        ("=?utf-8?b?0JDQtNCw?= <ada@example.com>", "Ада", "ada@example.com"),
        ("Opérateur <ada@example.com>, Bo <bo@example.com>", "Opérateur", "ada@example.com"),
        ("ada@example.com (Ada Lovelace)", "Ada Lovelace", "ada@example.com"),
        ("<ada@example.com>", "", "ada@example.com"),
        ("'ada@example.com' <ada@example.com>", "", "ada@example.com"),
        ("Lovelace, Ada <ada@example.com>", "Lovelace, Ada", "ada@example.com"),
        ("undisclosed", "undisclosed", ""),
        ("", "", ""),
    ],
)
def test_sender_is_read_from_any_header(header: str, name: str, address: str) -> None:
    assert parse_address(header) == (name, address)
