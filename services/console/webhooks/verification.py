"""Lines that check the signature of a message, by the libraries of Standard Webhooks. Both take any of its signatures.

`docs/webhooks.md` has the same without a library.
"""

from typing import Final

PYTHON_LINES: Final = """\
# pip install standardwebhooks
from standardwebhooks import Webhook

Webhook(secret).verify(body, headers)  # raises if no signature is right, or the message is old"""
NODE_LINES: Final = """\
// npm install standardwebhooks
import { Webhook } from 'standardwebhooks';

new Webhook(secret).verify(body, headers); // throws if no signature is right, or the message is old"""
VERIFICATION_LINES: Final = {"python": PYTHON_LINES, "node": NODE_LINES}
