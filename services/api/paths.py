"""Ids in paths."""

from shared.web.paths import id_in, uuid_in

__all__ = ["id_in", "uuid_in"]
