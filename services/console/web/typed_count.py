"""Numbers that a reader types to confirm how many something concerns."""


def plain_digits(text: str) -> str:
    """Return a number as it is typed, in any digits and with any separators, in plain digits."""
    return "".join(str(int(sign)) for sign in text[:100] if sign.isdecimal())
