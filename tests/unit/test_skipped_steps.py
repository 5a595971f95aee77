"""Why a step's mail was not sent: as workers store it, and in the words of the console."""

import pytest

from services.console.web.worker_errors import own_error
from services.workers.automations.lead_messages import unsent_reason
from services.workers.mail_limits.mail_allowance import INSTALLATION_LIMITS, RECIPIENT_LIMITS, MailRefusal

pytestmark = pytest.mark.unit


def test_each_reason_has_words_in_the_console() -> None:
    refusals = [MailRefusal("workspace", limit) for limit in RECIPIENT_LIMITS]
    refusals += [MailRefusal("recipient", limit) for limit in INSTALLATION_LIMITS]
    reasons = [unsent_reason(refusal, is_text=is_text) for refusal in refusals for is_text in (False, True)]
    assert reasons[:2] == [
        "not sent: this address got 5 mails in the last hour",
        "not sent: this number got 5 text messages in the last hour",
    ]
    assert [own_error(reason, str) for reason in reasons] == reasons
