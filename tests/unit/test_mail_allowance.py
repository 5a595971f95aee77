"""The limits of mails that visitors set off: in any hour and day, whatever came before."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.workers.mail_limits.mail_allowance import (
    FORM_LIMITS,
    INSTALLATION_LIMITS,
    RECIPIENT_LIMITS,
    REPLY_LIMITS,
    MailLimit,
    MailRefusal,
    VisitorMail,
    decide_mails,
)
from shared.outbound.mailboxes import recipient_digest

START = datetime(2026, 1, 1, tzinfo=UTC)
MAILS = st.builds(
    VisitorMail,
    st.sampled_from(["confirmation", "reply", "automation"]),
    st.sampled_from([1, 2, 3]),
    st.sampled_from([7, 8, 9]),
    st.sampled_from(["ada", "bob"]),
)
BATCHES = st.lists(st.tuples(st.integers(0, 8000), st.lists(MAILS, max_size=12)), max_size=25)


def keeps(times: list[datetime], limits: tuple[MailLimit, ...]) -> bool:
    """Return whether no span that begins with a mail has more mails than allowed."""
    return all(
        sum(first <= at < first + limit.span for at in times) <= limit.mails for limit in limits for first in times
    )


@given(BATCHES)
def test_no_span_of_time_has_more_mails_than_its_limit(batches: list[tuple[int, list[VisitorMail]]]) -> None:
    now, kept, sent = START, dict[str, list[datetime]](), list[tuple[VisitorMail, datetime]]()
    for seconds, mails in batches:
        now += timedelta(seconds=seconds)
        refusals, changed = decide_mails(mails, kept, now)
        kept |= changed
        sent += [(mail, now) for mail, refusal in zip(mails, refusals, strict=True) if refusal is None]
    for name in ("ada", "bob"):
        theirs = [(mail, at) for mail, at in sent if mail.recipient == name]
        assert keeps([at for _, at in theirs], INSTALLATION_LIMITS)
        for number in (1, 2, 3):
            assert keeps([at for mail, at in theirs if mail.workspace_id == number], RECIPIENT_LIMITS)
        for number in (7, 8, 9):
            replies = [at for mail, at in theirs if (mail.form_id, mail.kind) == (number, "reply")]
            assert keeps(replies, REPLY_LIMITS)


def test_a_form_asks_so_many_for_confirmation_and_no_more() -> None:
    [limit] = FORM_LIMITS
    mails = [VisitorMail("confirmation", 1, 7, f"person {number}") for number in range(limit.mails + 3)]
    refusals, kept = decide_mails(mails, {}, START)
    assert refusals == [None] * limit.mails + [MailRefusal("form", limit)] * 3
    assert decide_mails([VisitorMail("confirmation", 1, 8, "somebody")], kept, START)[0] == [None]
    assert decide_mails(mails[-1:], kept, START + limit.span)[0] == [None]


def test_what_is_refused_counts_nowhere() -> None:
    mail = VisitorMail("reply", 1, 7, "ada")
    assert decide_mails([mail] * 30, {}, START)[0] == [None] + [MailRefusal("replies", REPLY_LIMITS[0])] * 29
    later = VisitorMail("reply", 1, 8, "ada")
    assert decide_mails([later], decide_mails([mail] * 30, {}, START)[1], START)[0] == [None]


def test_mails_of_automations_count_with_those_of_forms() -> None:
    per_hour, per_day = RECIPIENT_LIMITS
    mixed = [VisitorMail(kind, 1, 7, "ada") for kind in ("confirmation", "automation", "automation", "confirmation")]
    mails = [*mixed, *[VisitorMail("automation", 1, None, "ada")] * 3]
    refusals, kept = decide_mails(mails, {}, START)
    assert refusals == [None] * 5 + [MailRefusal("workspace", per_hour)] * 2
    refusals, kept = decide_mails(mails, kept, START + timedelta(hours=1))
    assert refusals == [None] * 5 + [MailRefusal("workspace", per_day)] * 2
    assert decide_mails(mails, kept, START + timedelta(hours=2))[0] == [MailRefusal("workspace", per_day)] * 7


@pytest.mark.parametrize(
    "spelling",
    ["Ada@Example.com", " ada@example.com", "ada+news@example.com", "ADA+a+b@EXAMPLE.COM"],
)
def test_spellings_of_one_mailbox_are_one_recipient(spelling: str) -> None:
    assert recipient_digest("key", spelling) == recipient_digest("key", "ada@example.com")


def test_other_mailboxes_and_other_keys_are_others() -> None:
    digests = {
        recipient_digest(key, address)
        for key in ("one", "two")
        for address in ("ada@example.com", "a.da@example.com", "ada@example.net", "+a@example.com", "no address", "")
    }
    assert len(digests) == 12
    assert recipient_digest("key", "a.d.a+x@googlemail.com") == recipient_digest("key", "ada@gmail.com")
    assert not any("ada" in digest for digest in digests)
