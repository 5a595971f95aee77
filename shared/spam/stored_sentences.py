"""Sentences about held submissions, as they are stored: in English, some with a number or a value in them. Pure."""

import re

_find_number = re.compile(r"\d+(?:\.\d+)?").search
_match_rule = re.compile(
    r"(A rule (?:holds|always allows) the (?:email|domain|address|word) “)(.*)(”\.)", re.DOTALL
).fullmatch


def split_sentence(text: str) -> tuple[str, dict[str, str]]:
    """Return the template of a stored sentence, for `%` of a mapping, and its values: `n` or `value`, or none.

    The template of any other text without values is the text itself.
    """
    if found := _match_rule(text):
        return f"{found[1]}%(value)s{found[3]}", {"value": found[2]}
    if number := _find_number(text):
        return f"{text[: number.start()]}%(n)s{text[number.end() :]}", {"n": number[0]}
    return text, {}
