"""How easily a password is guessed, by zxcvbn."""

import threading
from typing import Final

MIN_STRENGTH: Final = 3  # of zxcvbn's 0 to 4: over 10⁸ guesses
MAX_JUDGED_LENGTH: Final = 32  # characters from the start: zxcvbn takes up to 0.5 s for 32, and up to 3 s for 72
PRODUCT_WORDS: Final = ("leadhub",)

_one_at_a_time = threading.Lock()  # zxcvbn keeps a person's words in a table that all calls share


def is_easy_to_guess(password: str, email: str) -> bool:
    """Return whether few guesses find the password. The email counts as known. Takes up to half a second."""
    judged = password.strip()[:MAX_JUDGED_LENGTH]
    if not judged:  # zxcvbn raises an error for it
        return True
    from zxcvbn import zxcvbn  # late: it takes 15 MB, and passwords are seldom set

    known_words = [email, *email.split("@"), *PRODUCT_WORDS]
    with _one_at_a_time:
        return bool(zxcvbn(judged, known_words)["score"] < MIN_STRENGTH)
