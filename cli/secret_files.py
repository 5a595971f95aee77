"""Settings that hold a secret, from files: as containers, Kubernetes and systemd hand secrets over."""

import os
from pathlib import Path

from cli.env_file import SECRET_FILE_NAMES, SETTING_PREFIX

MAX_SECRET_BYTES = 64 * 1024  # a mistyped path to a large file ends the command, and not the machine's memory


def read_secret_files() -> None:
    """Set each setting whose file is named: the variable has `_FILE` behind the setting's name.

    The names of files leave the environment, so that programs which the command starts get the values alone.
    RuntimeError if a file cannot be read or is empty, or if the setting has a value besides.
    """
    for file_name in SECRET_FILE_NAMES:
        variable = SETTING_PREFIX + file_name
        path = os.environ.pop(variable, "")
        if not path:
            continue
        setting = variable.removesuffix("_FILE")
        if os.environ.get(setting):
            raise RuntimeError(f"{setting} and {variable} are both set: leave one out")
        os.environ[setting] = _read_secret(Path(path), variable)


def _read_secret(path: Path, variable: str) -> str:
    try:
        # Not blocking: a pipe would wait for a writer, without a word.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            content = file.read(MAX_SECRET_BYTES + 1) or b""
        secret = content.decode("utf-8-sig").strip()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no UTF-8"
        raise RuntimeError(f"{variable}: {path} cannot be read ({why})") from None
    if not secret or len(content) > MAX_SECRET_BYTES or "\0" in secret:
        raise RuntimeError(f"{variable}: {path} holds no secret: one value is expected, of at most 64 KB")
    return secret
