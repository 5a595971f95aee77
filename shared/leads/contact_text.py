"""What email addresses and phone numbers have in common: invisible characters in them, and the error. Pure."""

# Zero-width characters and direction marks. They come with a contact that was copied from a page or a chat.
INVISIBLE_CHARS = [0xAD, 0x61C, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF]


class InvalidContact(ValueError):
    """The text is not an email address, or not a phone number that can be dialled."""
