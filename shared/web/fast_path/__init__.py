"""The fast path: ordinary requests answered where their bytes arrive, beside aiohttp's own way.

Only the server and a service's own module of fast requests import it. `LEADHUB_FAST_PATH=false` turns it off.
"""
