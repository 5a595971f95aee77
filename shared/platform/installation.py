"""Where LeadHub lies on this machine: in a checkout, or in the environment that a wheel was installed into."""

import os
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[2]
IS_CHECKOUT = (PROJECT_ROOT / "requirements.lock").is_file()  # what the launcher installs; a wheel has none
COMMAND_NAME = "./leadhub" if IS_CHECKOUT else "leadhub"  # what a person types


def _state_folder() -> Path:
    """Return where state lies that no setting names. An upgrade replaces the folder of an installed package."""
    if IS_CHECKOUT:
        return PROJECT_ROOT
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "leadhub"


STATE_FOLDER = _state_folder()
ENV_FILE = PROJECT_ROOT / ".env" if IS_CHECKOUT else Path.cwd() / ".env"
