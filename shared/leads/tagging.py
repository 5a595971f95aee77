"""Tags of leads that are edited: by name outside, by id on the lead."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.db import Connection
from shared.leads.edit import Change, Edit, State
from shared.leads.submission import MOST_TAGS, LeadKey, once
from shared.leads.tags import TagName, Tags, find_tags, load_tags, tag_names

NO_ROOM = f"The tag field must not bring the lead's tags above {MOST_TAGS:,}."


@dataclass(frozen=True, slots=True)
class Tagging:
    """The tags that some changes name or may take away."""

    ids: Tags
    names: dict[int, str]

    def check(self, edit: Edit, state: State) -> None:
        """Notes where the lead would come to bear too many."""
        if len(self._after(edit.change, state)) > max(MOST_TAGS, len(state["tag_ids"])):
            edit.errors["tag"] = [NO_ROOM]

    def apply(self, change: Change, state: State) -> dict[str, Any]:
        """Sets the tags of a lead; answers what the timeline says of it."""
        before, after = dict.fromkeys(state["tag_ids"]), dict.fromkeys(self._after(change, state))
        state["tag_ids"] = list(after)
        lists = {
            "tags_added": [self.names[id_] for id_ in after if id_ not in before],
            # One without a name was deleted: it is not seen any more, and nobody took it away.
            "tags_removed": [self.names[id_] for id_ in before if id_ in self.names and id_ not in after],
        }
        return {name: tags for name, tags in lists.items() if tags}

    def _after(self, change: Change, state: State) -> list[int]:
        w = change.workspace_id
        named = [self.ids[w, name] for name in _named(change)]
        after = named if "tags" in change.set else [*state["tag_ids"], *named]
        gone = {self.ids.get((w, name)) for name in change.remove_tags}
        return [id_ for id_ in dict.fromkeys(after) if id_ not in gone]


async def load_tagging(connection: Connection, changes: Sequence[Change], states: Mapping[LeadKey, State]) -> Tagging:
    """Reads the tags, and makes those that are missing. The leads must be locked: tags come after them."""
    added: list[TagName] = [(change.workspace_id, name) for change in changes for name in _named(change)]
    removed = {(change.workspace_id, name) for change in changes for name in change.remove_tags}
    if not added and not removed and not any("tags" in change.set for change in changes):
        return Tagging({}, {})
    ids = await load_tags(connection, added)
    ids |= await find_tags(connection, removed) if removed else {}
    borne = {id_ for state in states.values() for id_ in state["tag_ids"]}
    names = await tag_names(connection, {change.workspace_id for change in changes}, borne | set(ids.values()))
    return Tagging(ids, names)


def _named(change: Change) -> list[str]:
    """The tags that the lead is to bear by the change."""
    return once([*(change.set.get("tags") or ()), *change.add_tags])
