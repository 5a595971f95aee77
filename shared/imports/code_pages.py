"""Judge which code page a text is in that is neither UTF-8 nor UTF-16, by `charset-normalizer`. Pure.

The library tells scripts apart: Latin, Cyrillic, Arabic, Japanese, Chinese. It cannot tell Windows-1250 from
Windows-1252 by a list of names, in which most letters are the same. So Windows-1252 is left only where it does not fit,
and whoever imports sees the encoding and can choose another (docs/decisions/0040).
"""

from collections.abc import Mapping
from typing import Final, Literal

CodePage = Literal["cp1252", "cp1250", "cp1251", "cp1256", "shift_jis", "gbk"]
# The codecs that read them: Windows' own forms, which have all characters of the standards and more.
PAGE_CODECS: Final[Mapping[CodePage, str]] = {
    "cp1252": "cp1252",
    "cp1251": "cp1251",
    "cp1250": "cp1250",
    "cp1256": "cp1256",
    "shift_jis": "cp932",
    "gbk": "gb18030",
}


def judge_code_page(text: bytes) -> CodePage:
    """Return the code page of a text, which best is not mixed with ASCII. What fits none is Windows-1252, as ever."""
    # Imported here: it takes 9 MB and 0.2 s, and hardly any file needs it.
    from charset_normalizer import from_bytes

    scores: dict[CodePage, float] = {}
    for page, codec in PAGE_CODECS.items():
        # One by one: of pages that are alike it would leave all but one out.
        match = from_bytes(text, cp_isolation=[codec], enable_fallback=False).best()
        if match is not None:
            if page == "cp1252":
                return page
            scores[page] = match.chaos - match.coherence
    return min(scores, key=lambda page: scores[page], default="cp1252")
