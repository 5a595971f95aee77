"""The ids of all advisory locks, in one place so that no two are the same."""

MIGRATION_LOCK = 4_712_001  # an advisory lock: one migrator at a time

SPOOL_DRAIN_LOCK = 4_712_002  # one process at a time drains the spool; two would move entries twice

DELIVERY_CLAIM_LOCK = (
    4_712_003  # one claim at a time, a few milliseconds each, so that limits and order hold across senders
)

REFERENCE_LOCK_CLASS = 4_712_003  # first key of the advisory locks; the second is the workspace

SEARCH_TEXT_LOCK = 4_712_004  # one process at a time: the later of two writers may have read the older lead

# An advisory lock of the database. A rotation holds it exclusively, a backup holds it shared.
KEY_ROTATION_LOCK = 0x1EAD_0001
