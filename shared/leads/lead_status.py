"""The statuses of a lead."""

from typing import Literal

LeadStatus = Literal["new", "contacted", "qualified", "converted", "lost"]
