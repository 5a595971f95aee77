"""The command `python -m docs.site`."""

import argparse
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

try:
    from docs.site.site_build import CURRENT_VERSION, LOCAL_URL, build_site
    from docs.site.site_tool import BuildFailed, ToolUnavailable
except ModuleNotFoundError as missing:  # another Python, or an environment that serves and does not test
    INSTALLATION = "`./leadhub test tests/unit/test_docs_site.py` installs it, and then `.venv/bin/python -m docs.site`"
    sys.exit(f"docs.site: {missing}. {INSTALLATION} works.")

DESCRIPTION = """\
Build the documentation's site into a folder, in English and in Arabic, and check its links.
Other versions in the folder stay. Any web server can serve it; the switches of versions need one.
"""
SERVED_HOST = "127.0.0.1"


def main() -> None:
    """Build the site, and serve it if that is asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m docs.site", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("output", nargs="?", default="site", type=Path, help="the folder; site unless given")
    parser.add_argument("--version", default=CURRENT_VERSION, help=f"the version; {CURRENT_VERSION} unless given")
    parser.add_argument("--url", default=LOCAL_URL, help="where the folder will be published, for sitemaps")
    parser.add_argument("--serve", type=int, metavar="PORT", help=f"serve the folder at {SERVED_HOST} afterwards")
    options = parser.parse_args()
    try:
        build_site(options.output, options.version, options.url)
    except (BuildFailed, ToolUnavailable) as problem:
        sys.exit(f"docs.site: {problem}")
    sys.stdout.write(f"{options.output}/{options.version}/ is built\n")
    if options.serve is not None:
        _serve(options.output, options.serve)


def _serve(folder: Path, port: int) -> None:
    with ThreadingHTTPServer((SERVED_HOST, port), partial(SimpleHTTPRequestHandler, directory=str(folder))) as server:
        sys.stdout.write(f"http://{SERVED_HOST}:{server.server_port}/\n")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
