"""`python -m bench ingest`, for use without the launcher."""

import sys

from bench.main import main
from shared.platform.settings import Settings

sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else None, as_json=False, settings=Settings(), arguments=sys.argv[2:]))
