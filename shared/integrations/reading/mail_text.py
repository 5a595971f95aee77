"""Cut a mail down to what its sender wrote: without quoted replies, without the signature. Pure.

Languages: English, German, French, Spanish, Portuguese, Italian, Dutch, Polish, Turkish, Russian, Scandinavian ones,
Arabic, Hebrew, Hindi, Chinese, Japanese. Where a cut would leave nothing, the text stays whole: rather too much than
nothing. Forwarded mails are not cut, since they hold the matter itself.
"""

import re
from collections.abc import Iterable, Sequence
from html import unescape

MAX_LENGTH = 50_000  # characters of a text or of HTML that are read; a lead's notes hold a fifth
MAX_SIGNATURE_LINES = 15  # fewer lines than this may follow a closing such as "Best regards"
_MAX_HEADING_LENGTH = 400  # characters of a line such as "On … wrote:", when mail programs broke it into three

# What stands at the end of the line above a quoted reply, and words that stand within it.
_WROTE_AT_END = re.compile(
    r"(?:\bwrote|\bescribió|\bescreveu|\ba écrit|\bha scritto|napisał(?:\(?a\)?)?|пишет|писала?|писал\(а\)|написала?"
    r"|yazdı|كتبت?|כתבה?|ने लिखा|写道|寫道|のメッセージ|さんは書きました"
    r"|\bschrieb|\bschreef|\bskrev)\s*[:：]$",
    re.IGNORECASE,
).search
_WROTE_WITHIN = re.compile(
    r"(?:am|op|den|on|em) .*(?:schrieb|schreef|skrev|wrote|escreveu) .*[:：]$", re.IGNORECASE
).match
_DATED_ADDRESS = re.compile(r".*\d.*<[^<>\s]+@[^<>\s]+>\)?\s*[:：]$").match  # in any language
_IS_SEPARATOR = re.compile(r"[-_=*\s]*").fullmatch
_HAS_DATE_OR_ADDRESS = re.compile(r"[\d@]").search
_ORIGINAL_MESSAGE = re.compile(
    r"[-_]{2,}\s*(?:original message|original appointment|ursprüngliche nachricht|originalnachricht|mensaje original"
    r"|mensagem original|message d['’]origine|message original|messaggio originale|oorspronkelijk bericht"
    r"|wiadomość oryginalna|oryginalna wiadomość|исходное сообщение|orijinal ileti|orijinal mesaj|الرسالة الأصلية"
    r"|ההודעה המקורית|原始邮件|原始郵件|元のメッセージ|ursprungligt meddelande|oprindelig meddelelse)\s*[-_]{2,}",
    re.IGNORECASE,
).match
_FROM_LINE = re.compile(
    r"\*?(?:from|von|de|da|van|od|от|kimden|من|מאת|发件人|寄件者|差出人|från|fra)\s*[:：]", re.IGNORECASE
).match
_SENT_LINE = re.compile(
    r"\*?(?:sent|date|gesendet|datum|enviado(?: el| em)?|fecha|data|envoyé|inviato|verzonden|wysłano|отправлено|дата"
    r"|gönderildi|gönderilen|tarih|تاريخ الإرسال|التاريخ|נשלח|תאריך"
    r"|发送时间|寄件日期|日期|送信日時|skickat|sendt)\s*[:：]",
    re.IGNORECASE,
).match
_SENT_FROM_DEVICE = re.compile(
    r"(?:sent from my\b|sent from (?:outlook|yahoo|mail for windows|proton)|get outlook for\b"
    r"|von meinem .{1,40} gesendet|gesendet (?:von|mit) mein|enviado (?:desde mi|do meu) |envoyé (?:de|depuis) mon "
    r"|inviato da(?:l mio)? i|verzonden (?:vanaf|met) mijn |wysłane? z (?:mojego )?i"
    r"|отправлено (?:с|из) |.{1,40}(?:ım|den|dan) gönderildi|أُ?رسلت من ال|נשלח מה|发自我的|從我的|从我的|iphoneから送信"
    r"|skickat från |sendt fra )",
    re.IGNORECASE,
).match
_CLOSINGS = frozenset(
    "best regards|kind regards|warm regards|regards|with best regards|with kind regards|best wishes|best|cheers"
    "|sincerely|sincerely yours|yours sincerely|yours faithfully|yours truly|thanks and regards|thanks & regards"
    "|mit freundlichen grüßen|mit freundlichen grüssen|freundliche grüße|freundliche grüsse|viele grüße|beste grüße"
    "|liebe grüße|mit besten grüßen|herzliche grüße|schöne grüße|hochachtungsvoll|mfg|lg|vg|cordialement"
    "|bien cordialement|bien à vous|salutations|sincères salutations|meilleures salutations|cdlt|saludos|un saludo"
    "|saludos cordiales|un cordial saludo|atentamente|atenciosamente|cumprimentos|com os melhores cumprimentos|abraços"
    "|cordiali saluti|distinti saluti|saluti|un saluto|met vriendelijke groet|met vriendelijke groeten|groeten"
    "|vriendelijke groet|vriendelijke groeten|mvg|pozdrawiam|z poważaniem|saygılarımla|saygılarımızla|с уважением"
    "|med vänliga hälsningar|vänliga hälsningar|med venlig hilsen|venlig hilsen|med vennlig hilsen|hilsen|mvh"
    "|مع التحية|مع خالص التحية|مع أطيب التحيات|تحياتي|בברכה|सादर|此致|祝好|敬具".replace("ß", "ss").split("|")
)


def written_text(text: str) -> str:
    """Return the text of a mail without quoted replies and without the signature."""
    text = text[:MAX_LENGTH].replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ")
    lines = [line.rstrip() for line in text.split("\n")]
    answer = _joined(line for line in lines[: _quote_start(lines)] if not line.lstrip().startswith(">"))
    answer = answer or _joined(lines)
    kept = answer.split("\n")
    return _joined(kept[: _signature_start(kept)]) or answer


def html_text(html: str) -> str:
    """Return the visible text of a mail in HTML, without what mail programs mark as a quoted reply."""
    reader = _TextReader()
    reader.feed(html[: 5 * MAX_LENGTH])
    return _joined(" ".join(line.split()) for line in "".join(reader.parts).split("\n"))


def _joined(lines: Iterable[str]) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _quote_start(lines: Sequence[str]) -> int:
    """Return the position of the first line that belongs to a quoted reply."""
    for index, line in enumerate(lines):
        text = line.strip()
        if text and (_ORIGINAL_MESSAGE(text) or _is_header_block(lines, index) or _is_heading(lines, index)):
            while index and _IS_SEPARATOR(lines[index - 1]):
                index -= 1
            return index
    return len(lines)


def _is_header_block(lines: Sequence[str], index: int) -> bool:
    """Return whether a sender's line stands here and, soon below it, a line with the date, as in Outlook's replies."""
    if not _FROM_LINE(lines[index].strip()):
        return False
    return any(_SENT_LINE(line.strip()) for line in lines[index + 1 : index + 4])


def _is_heading(lines: Sequence[str], index: int) -> bool:
    """Return whether a line such as "On … wrote:" begins here. Mail programs break it into up to three."""
    heading = ""
    if not any(line.endswith((":", "：")) for line in lines[index : index + 3]):
        return False
    for line in lines[index : index + 3]:
        if not line.strip() or line.lstrip().startswith(">"):
            return False
        heading = f"{heading} {line.strip()}".strip()
        if len(heading) > _MAX_HEADING_LENGTH:
            return False
        if _DATED_ADDRESS(heading):
            return True
        if (_WROTE_AT_END(heading) or _WROTE_WITHIN(heading)) and _HAS_DATE_OR_ADDRESS(heading):
            return True
    return False


def _signature_start(lines: Sequence[str]) -> int:
    for index, line in enumerate(lines):
        text = line.strip()
        if text in ("--", "—", "––") or _SENT_FROM_DEVICE(text):
            return index
        below = lines[index + 1 : index + 1 + 2 * MAX_SIGNATURE_LINES]  # no two lines in a row are empty
        is_closing = text.strip(" ,.!;،、，。").casefold() in _CLOSINGS
        if is_closing and sum(map(bool, below)) < MAX_SIGNATURE_LINES:
            return index
    return len(lines)


_HIDDEN_TAGS = ("script", "style", "head", "title", "template", "blockquote")
_LINE_TAGS = ("br", "p", "div", "li", "tr", "table", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "hr")
_QUOTE_MARKS = ("gmail_quote", "yahoo_quoted", "moz-cite-prefix", "divrplyfwdmsg", "appendonsend", "protonmail_quote")
# The standard library's parser takes minutes for a mail that is made to that end. No tag here contains another `<`.
_TAG = re.compile(r"<!--|<(/?)([a-zA-Z][a-zA-Z0-9]*)([^<>]*)>|<[!?/][^<>]*>")


class _TextReader:
    def __init__(self) -> None:
        self.parts: list[str] = []
        self._hidden_tags = 0
        self._has_text = False

    def feed(self, html: str) -> None:
        position = 0
        while tag := _TAG.search(html, position):
            self._add_text(html[position : tag.start()])
            position = tag.end()
            if tag[0] == "<!--":
                end = html.find("-->", position)
                if end < 0:
                    return
                position = end + 3
            elif tag[2] and self._ends_answer(tag[1], tag[3]):
                return
            elif tag[2]:
                self._take_tag(tag[1] == "/", tag[2].lower())
        self._add_text(html[position:])

    def _ends_answer(self, slash: str, attributes: str) -> bool:
        """Return whether a tag begins the quoted reply. It stands below the answer, and nothing of that follows."""
        return self._has_text and not slash and any(mark in attributes.lower() for mark in _QUOTE_MARKS)

    def _take_tag(self, is_end: bool, name: str) -> None:
        if name == "body":
            self._hidden_tags = 0  # a head needs no end tag
        elif name in _HIDDEN_TAGS:
            self._hidden_tags = max(0, self._hidden_tags + (-1 if is_end else 1))
        elif name in _LINE_TAGS:
            self.parts.append("\n")

    def _add_text(self, text: str) -> None:
        if not self._hidden_tags and text:
            self.parts.append(re.sub(r"\s+", " ", unescape(text)))
            self._has_text = self._has_text or not text.isspace()
