"""The fast path: ordinary requests answered where their bytes arrive, without aiohttp's request handling.

Only the server and a service's own module of fast requests import it. `LEADHUB_FAST_PATH=false` turns it off.
"""
