"""The fast path: ordinary requests answered where their bytes arrive, without aiohttp's request handling.

Only a service's own module of fast requests imports it. `LEADHUB_FAST_PATH=false` turns it off.
"""
