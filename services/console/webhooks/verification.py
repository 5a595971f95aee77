"""Lines that check the signature of a message, by the libraries of Standard Webhooks. Both take any of its signatures.

`docs/webhooks.md` has the same without a library.
"""

from typing import Final

PYTHON_LINES: Final = """\
# pip install standardwebhooks
from standardwebhooks import Webhook

Webhook(secret).verify(body, headers)  # raises if it is not genuine"""
NODE_LINES: Final = """\
// npm install standardwebhooks
import { Webhook } from 'standardwebhooks';

new Webhook(secret).verify(body, headers); // throws if it is not genuine"""
VERIFICATION_LINES: Final = {"python": PYTHON_LINES, "node": NODE_LINES}
