"""The engine on a real database: what happens leads to runs, changes, deliveries and tasks, each once."""

import pytest

from services.workers.outbox import event_claims
from shared.automations import run_limits
from shared.leads.writes import ChangeCause, LeadChange, change_leads
from shared.platform.db.connections import Connection, connect
from tests.support.automating import action, condition, leads, rows, run, runs, save, user
from tests.support.ingesting import workspace_id

pytestmark = pytest.mark.integration


async def test_new_lead_starts_matching_automations(database_url: str, database: Connection) -> None:
    assignee = await user(database, "ada@example.com")
    automation = await save(
        database,
        {"type": "lead_created", "sources": ["Website"]},
        condition("custom_fields.budget", "greater_than", 5000),
        action("add_tag", tag="vip"),
        action("set_status", status="qualified"),
        action("assign_user", user_id=assignee),
        action("adjust_score", points=20),
        action("create_task", title="Call {{ first_name }}", due_in_hours=2),
        action("send_email", to="lead", subject="Hello {{ first_name }}", body="From us"),
        action("notify_users", to="assigned", text="{{ first_name }} is {{ status }}"),
    )
    rich = {
        "email": "rich@example.com",
        "first_name": "Rich",
        "source": "website",
        "custom_fields": {"budget": "10000"},
    }
    poor = {"email": "poor@example.com", "source": "website", "custom_fields": {"budget": 10}}
    other = {"email": "other@example.com", "source": "facebook", "custom_fields": {"budget": 10000}}
    await leads(database_url, database, rich, poor, other)
    await run(database_url)

    done = await runs(database)
    assert [(one["automation_id"], one["state"], len(one["steps"])) for one in done] == [
        (automation, "done", 8),
        (automation, "done", 1),
    ]
    (lead,) = await rows(
        database,
        "SELECT l.*, t.name FROM leads l JOIN tags t ON t.id = ANY (l.tag_ids) WHERE email = 'rich@example.com'",
    )
    assert (lead["status"], lead["assigned_user_id"], lead["lead_score"]) == ("qualified", assignee, 20)
    assert lead["name"] == "vip"
    (task,) = await rows(database, "SELECT title, user_id, due_at > now() + interval '110 min' AS later FROM tasks")
    assert task == {"title": "Call Rich", "user_id": assignee, "later": True}
    sent = await rows(database, "SELECT kind, convert_from(payload, 'UTF8') AS payload FROM deliveries ORDER BY id")
    assert [one["kind"] for one in sent] == ["email", "notice"]
    assert "Rich is qualified" in sent[1]["payload"]
    assert await rows(database, "SELECT * FROM events") == []


async def test_leads_write_no_events_without_rules(database_url: str, database: Connection) -> None:
    await database.execute("DELETE FROM rule_versions")
    await leads(database_url, database, *({"email": f"{n}@example.com"} for n in range(50)))
    assert await rows(database, "SELECT * FROM events") == []


async def test_events_without_rules_are_dropped(database_url: str, database: Connection) -> None:
    await leads(database_url, database, *({"email": f"{n}@example.com"} for n in range(50)))
    await database.execute("UPDATE rule_versions SET is_watched = false")
    assert len(await rows(database, "SELECT * FROM events")) == 50
    await run(database_url)
    assert await rows(database, "SELECT * FROM events") == []
    assert await runs(database) == []


async def test_two_engines_and_a_kill_make_one_run_an_event(database_url: str, database: Connection) -> None:
    await save(database, {"type": "lead_created"}, action("adjust_score", points=1), action("add_tag", tag="seen"))
    await leads(database_url, database, *({"email": f"{n}@example.com"} for n in range(300)))
    for taken in (10, 400):  # engines that die between claim and commit
        async with connect(database_url, "tests killed") as killed, killed.transaction(force_rollback=True):
            assert len(await event_claims.claim_events(killed, taken)) == min(taken, 300)
    await run(database_url, engines=3)

    assert len(await runs(database)) == 300
    assert await rows(database, "SELECT DISTINCT lead_score, cardinality(tag_ids) AS tags FROM leads") == [
        {"lead_score": 1, "tags": 1}
    ]
    assert await rows(database, "SELECT count(*) AS n FROM activities WHERE type = 'lead.updated'") == [{"n": 300}]
    assert await rows(database, "SELECT sum(n)::int AS n FROM counter_deltas") == [{"n": 300}]


async def test_a_leads_events_are_acted_on_in_order(database_url: str, database: Connection) -> None:
    """What comes after an event that another engine has in hand waits for it."""
    await save(database, {"type": "duplicate_received"}, action("adjust_score", points=1))
    for body in ({"email": "a@example.com"}, {"email": "b@example.com"}, {"email": "a@example.com"}):
        await leads(database_url, database, body)
    async with connect(database_url, "tests slow") as slow, slow.transaction():
        (first,) = await event_claims.claim_events(slow, 1)
        async with connect(database_url, "tests quick") as quick, quick.transaction():
            (other,) = await event_claims.claim_events(quick)
    assert other.lead_id != first.lead_id


async def test_a_delay_ends_when_it_is_due_whatever_became_of_the_automation(
    database_url: str, database: Connection
) -> None:
    id_ = await save(
        database,
        {"type": "lead_created"},
        action("set_status", status="contacted"),
        {"delay": {"hours": 2}},
        condition("status", "equals", "contacted"),
        action("add_tag", tag="reminded"),
    )
    await leads(database_url, database, {"email": "a@example.com"}, {"email": "b@example.com"})
    await run(database_url)
    first, second = await runs(database)
    assert (first["state"], first["step"]) == ("waiting", 2)
    waits = "SELECT due_at - created_at BETWEEN interval '119 min' AND interval '121 min' AS well FROM automation_runs"
    assert [row["well"] for row in await rows(database, waits)] == [True, True]

    await database.execute("UPDATE automations SET steps = '[]' WHERE id = %s", (id_,))
    await database.execute("UPDATE leads SET status = 'lost' WHERE id = %s", (second["lead_id"],))
    await run(database_url)
    assert {one["state"] for one in await runs(database)} == {"waiting"}
    await database.execute("UPDATE automation_runs SET due_at = now()")
    await run(database_url)
    first, second = await runs(database)
    assert [outcome["outcome"] for outcome in first["steps"]] == ["done", "waiting", "passed", "done"]
    assert [outcome["outcome"] for outcome in second["steps"]] == ["done", "waiting", "ended"]
    assert (first["state"], first["plan"], first["finished_at"] is not None) == ("done", None, True)


async def test_waiting_runs_stop_for_inactive_automations_and_deleted_leads(
    database_url: str, database: Connection
) -> None:
    off = await save(database, {"type": "lead_created"}, {"delay": {"days": 1}}, action("add_tag", tag="x"))
    gone = await save(database, {"type": "lead_created"}, {"delay": {"days": 1}}, action("add_tag", tag="x"))
    await leads(database_url, database, {"email": "a@example.com"}, {"email": "b@example.com"})
    await run(database_url)
    await database.execute("UPDATE automations SET is_active = false WHERE id = %s", (off,))
    await database.execute("DELETE FROM leads WHERE email = 'a@example.com'")
    await database.execute("UPDATE automation_runs SET due_at = now()")
    await run(database_url)
    found = [(one["automation_id"], one["state"], one["error"]) for one in await runs(database)]
    assert sorted(found) == [
        (off, "stopped", "the automation was switched off"),
        (off, "stopped", "the automation was switched off"),
        (gone, "done", None),
        (gone, "stopped", "the lead is gone"),
    ]


async def test_automations_that_set_each_other_off_are_stopped(database_url: str, database: Connection) -> None:
    chain = [
        await save(database, {"type": "tag_added", "tag": f"t{n}"}, action("add_tag", tag=f"t{n + 1}"))
        for n in range(8)
    ]
    ring = [
        await save(database, {"type": "lead_updated", "fields": [field]}, action("set_field", field=other, value="x"))
        for field, other in (("job_title", "company"), ("company", "job_title"))
    ]
    await leads(database_url, database, {"email": "a@example.com", "tags": ["t0"]}, {"email": "b@example.com"})
    await run(database_url)
    states = [(one["automation_id"], one["state"]) for one in await runs(database)]
    assert states == [*((id_, "done") for id_ in chain[:5]), (chain[5], "stopped")]
    assert "set one another off" in (await runs(database))[-1]["error"]

    await database.execute("DELETE FROM automation_runs")
    (lead,) = await rows(database, "SELECT workspace_id, id FROM leads WHERE email = 'b@example.com'")
    async with database.transaction():
        await change_leads(
            database, [LeadChange(*lead.values(), set_fields={"job_title": "y"}, cause=ChangeCause("api", 1))]
        )
    await run(database_url)
    found = [(one["automation_id"], one["state"]) for one in await runs(database)]
    assert found == [(ring[0], "done"), (ring[1], "done"), (ring[0], "stopped")]
    assert "its own change" in (await runs(database))[-1]["error"]


async def test_automations_in_circles_come_to_an_end(database_url: str, database: Connection) -> None:
    """However many set one another off: 25 in chains of five would be 6 million runs."""
    for n in range(25):
        await save(database, {"type": "lead_updated"}, action("set_field", field="job_title", value=f"title {n}"))
    await leads(database_url, database, {"email": "a@example.com"}, {"email": "b@example.com"})
    for lead in await rows(database, "SELECT workspace_id, id FROM leads"):
        async with database.transaction():
            await change_leads(
                database, [LeadChange(*lead.values(), set_fields={"job_title": "y"}, cause=ChangeCause("api", 1))]
            )
    await run(database_url, engines=2)

    found = await rows(
        database,
        "SELECT lead_id, count(*) FILTER (WHERE chain = '{}') AS called, count(*) FILTER (WHERE chain <> '{}') AS more,"
        " count(*) FILTER (WHERE error = %s) AS said FROM automation_runs GROUP BY 1 ORDER BY 1",
        (run_limits.LOOP_LIMIT_REASON,),
    )
    assert [(one["called"], one["more"], one["said"]) for one in found] == [
        (25, run_limits.MAX_CHAINED_RUNS_PER_MINUTE + 1, 1)
    ] * 2
    assert await rows(database, "SELECT 1 FROM events") == []

    await database.execute("UPDATE automation_runs SET created_at = created_at - interval '2 min'")
    async with database.transaction():
        await change_leads(
            database, [LeadChange(*lead.values(), set_fields={"job_title": "z"}, cause=ChangeCause("api", 1))]
        )
    await run(database_url)
    again = await rows(database, "SELECT 1 FROM automation_runs WHERE created_at > now() - interval '1 min'")
    assert len(again) == 25 + run_limits.MAX_CHAINED_RUNS_PER_MINUTE + 1


async def test_turns_are_even_under_four_engines_and_skip_who_is_away(database_url: str, database: Connection) -> None:
    people = [await user(database, f"user{n}@example.com", active=n != 1) for n in range(4)]
    await save(
        database,
        {"type": "lead_created"},
        condition("source", "not_equals", "nobody"),
        action("assign_user", round_robin=people),
    )
    for part in range(4):
        batch = ({"email": f"{part}-{n}@example.com", "source": "nobody" if n % 5 == 0 else "x"} for n in range(101))
        await leads(database_url, database, *batch)
    await run(database_url, engines=4)
    counts = await rows(
        database,
        "SELECT assigned_user_id AS u, count(*) AS n FROM leads WHERE source = 'x' GROUP BY 1 ORDER BY 1",
    )
    assert [row["u"] for row in counts] == [people[0], people[2], people[3]]
    assert max(row["n"] for row in counts) - min(row["n"] for row in counts) <= 1
    assert sum(row["n"] for row in counts) == 4 * 80


async def test_turns_go_on_after_the_last_one_whoever_comes_back(database_url: str, database: Connection) -> None:
    people = [await user(database, f"user{n}@example.com") for n in range(3)]
    await save(database, {"type": "lead_created"}, action("assign_user", round_robin=people))

    async def assigned(tag: str, n: int) -> list[int]:
        await leads(database_url, database, *({"email": f"{tag}{number}@example.com"} for number in range(n)))
        await run(database_url)
        found = await rows(database, "SELECT assigned_user_id AS u FROM leads ORDER BY id DESC LIMIT %s", [n])
        return [people.index(one["u"]) for one in reversed(found)]

    turns = await assigned("all", 4)
    for active in (False, True):
        await database.execute("UPDATE users SET is_active = %s WHERE id = %s", (active, people[2]))
        turns += await assigned(f"some{active}", 2)
    assert turns == [0, 1, 2, 0, 1, 0, 1, 2]


async def test_a_silence_is_noticed_once_until_something_happens(database_url: str, database: Connection) -> None:
    id_ = await save(database, {"type": "no_activity", "minutes": 30}, action("add_tag", tag="cold"))
    await leads(database_url, database, {"email": "a@example.com"})
    await run(database_url)
    (waits,) = await rows(
        database, "SELECT automation_id, due_at > now() + interval '29 min' AS later FROM inactivity_timers"
    )
    assert waits == {"automation_id": id_, "later": True}
    over = "UPDATE inactivity_timers SET due_at = now()"
    sent = "INSERT INTO activities (workspace_id, lead_id, type, data) SELECT workspace_id, id, 'delivery.sent', '{}'"
    await database.execute(f"{sent} FROM leads")  # what is sent about a lead is no activity of its
    await database.execute(over)
    await run(database_url, engines=2)
    assert [one["state"] for one in await runs(database)] == ["done"]
    assert await rows(database, "SELECT * FROM inactivity_timers") == []  # what the automation did is no activity

    await leads(database_url, database, {"email": "a@example.com"})
    await run(database_url)
    await database.execute(over)
    await run(database_url)
    assert len(await runs(database)) == 2


async def test_scores_follow_the_rules_and_crossings_are_noticed_once(database_url: str, database: Connection) -> None:
    workspace = await workspace_id(database)
    for rule in (("source", "equals", '"web"', 40), ("company", "is_not_empty", None, 25)):
        await database.execute(
            "INSERT INTO scoring_rules (workspace_id, field, operator, value, points) VALUES (%s, %s, %s, %s, %s)",
            (workspace, *rule),
        )
    above = await save(
        database, {"type": "lead_score_crossed", "threshold": 50, "direction": "above"}, action("add_tag", tag="hot")
    )
    below = await save(database, {"type": "lead_score_crossed", "threshold": 50, "direction": "below"})
    await leads(database_url, database, {"email": "a@example.com", "source": "web"})
    await run(database_url)
    assert await runs(database) == []
    await leads(database_url, database, {"email": "a@example.com", "company": "Acme"})
    await run(database_url)
    assert [one["automation_id"] for one in await runs(database)] == [above]
    assert await rows(database, "SELECT lead_score FROM leads") == [{"lead_score": 65}]

    await leads(database_url, database, {"email": "a@example.com", "company": "Acme"})  # no crossing
    (lead,) = await rows(database, "SELECT workspace_id, id FROM leads")
    async with database.transaction():
        await change_leads(
            database, [LeadChange(*lead.values(), set_fields={"company": None}, cause=ChangeCause("api", 1))]
        )
    await run(database_url)
    assert [one["automation_id"] for one in await runs(database)] == [above, below]
    assert await rows(database, "SELECT lead_score FROM leads") == [{"lead_score": 40}]


@pytest.mark.parametrize("end", ["DELETE FROM scoring_rules", "UPDATE scoring_rules SET is_active = false"])
async def test_the_last_rules_points_are_taken_back_too(database_url: str, database: Connection, end: str) -> None:
    """With what next happens to the lead, although no rule waits for anything any more."""
    await database.execute(
        "INSERT INTO scoring_rules (workspace_id, field, operator, points) VALUES (%s, 'email', 'is_not_empty', 7)",
        (await workspace_id(database),),
    )
    for score in (7, 0):
        await leads(database_url, database, {"email": "a@example.com"})
        await run(database_url)
        assert await rows(database, "SELECT lead_score FROM leads") == [{"lead_score": score}]
        await database.execute(end)


async def test_poison_run_does_not_block_other_runs(database_url: str, database: Connection) -> None:
    poison = await save(database, {"type": "lead_created", "sources": ["bad"]}, {"action": {"type": "no such"}})
    await save(database, {"type": "lead_created"}, action("add_tag", tag="seen"))
    sources = ("bad" if n == 17 else "good" for n in range(40))
    await leads(database_url, database, *({"email": f"{n}@example.com", "source": s} for n, s in enumerate(sources)))
    await run(database_url)
    assert await rows(database, "SELECT count(*) AS n FROM leads WHERE tag_ids <> '{}'") == [{"n": 40}]
    for _ in range(5):
        await database.execute("UPDATE automation_runs SET due_at = now() WHERE due_at IS NOT NULL")
        await run(database_url)
    (failed,) = [one for one in await runs(database) if one["state"] != "done"]
    assert (failed["automation_id"], failed["state"], failed["attempts"]) == (poison, "failed", 5)
    assert failed["error"].startswith("KeyError")


async def test_a_step_that_cannot_be_done_says_why_and_the_run_goes_on(database_url: str, database: Connection) -> None:
    await save(
        database,
        {"type": "lead_created"},
        action("move_stage", stage_id=999_999),
        action("send_sms", integration_id=1, body="Hi"),
        action("add_tag", tag="seen"),
    )
    await leads(database_url, database, {"email": "a@example.com"})
    await run(database_url)
    (found,) = await runs(database)
    assert [outcome["outcome"] for outcome in found["steps"]] == ["failed", "failed", "done"]
    assert (found["state"], found["error"]) == ("failed", "there is no stage 999999")
