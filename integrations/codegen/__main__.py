"""Write the generated parts of the clients, or say with `--check` which of them are out of date."""

import sys

from integrations.codegen.generated_files import generated_files, leftover_files

if __name__ == "__main__":
    stale = [path for path, text in generated_files().items() if not path.exists() or path.read_text() != text]
    stale += leftover_files()
    if "--check" in sys.argv:
        sys.exit("\n".join(map(str, stale)))
    for path in leftover_files():
        path.unlink()
    for path, text in generated_files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
