"""The ids of all advisory locks, in one place so that no two are the same."""

MIGRATION_LOCK = 4_712_001  # one migrator at a time
SPOOL_DRAIN_LOCK = 4_712_002  # one process at a time drains the spool: two would move entries twice
REFERENCE_LOCK_CLASS = 4_712_003  # the first of two numbers; the second is the workspace
SEARCH_TEXT_LOCK = 4_712_004  # one process at a time: the later of two writers may have read the older lead
DELIVERY_CLAIM_LOCK = 4_712_005  # one claim at a time, for milliseconds: limits and order hold across senders
SUSPECT_TRIAL_LOCK = 4_712_048  # one process at a time notes a suspect, and sees whether another has one in hand
KEY_ROTATION_LOCK = 4_712_006  # a rotation holds it exclusively, a backup holds it shared
LANE_PAUSE_LOCK = 4_712_041  # one change of a lane's pause at a time: versions of pauses commit in their order
FILES_LOCK = 4_712_043  # one process at a time moves and removes contents of files
IMPORT_QUOTA_LOCK_CLASS = 4_712_046  # the first of two numbers; the second is the workspace: one check at a time
HISTORY_LOCK = 4_712_042  # one process at a time samples the history: two would count the same leads twice
FORM_COUNTS_LOCK = 4_712_047  # one gateway at a time writes counts of forms: two could both take the last label
ERASURE_LOCK = 4_712_045  # one process at a time finishes erasures
LIKENESS_LOCK_CLASS = 4_712_044  # the first of two numbers; the second is the workspace: one batch of it at a time
