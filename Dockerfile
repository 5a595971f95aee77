# One image for all services; the command says which. Everything installed is pinned by hash in requirements.lock.
FROM python:3.13-slim AS base
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin leadhub \
    && mkdir /app /files && chown leadhub:leadhub /app /files
WORKDIR /app

FROM base AS build
USER leadhub

# The environment alone, so that a change of the code does not install it again.
COPY --chown=leadhub leadhub requirements.lock requirements-mcp.lock requirements-otel.lock requirements-s3.lock \
     requirements-sentry.lock requirements-xlsx.lock ./
RUN python -c "import runpy; runpy.run_path('leadhub')['prepare']()" \
    && .venv/bin/python -m pip install --quiet --no-cache-dir --require-hashes -r requirements-mcp.lock \
       -r requirements-otel.lock -r requirements-s3.lock -r requirements-sentry.lock -r requirements-xlsx.lock

COPY --chown=leadhub . .

# The file system is read-only later: without this, each start would compile everything anew. The folder is that of the
# launcher; Python's own library goes there too. Tests of libraries hold files that are no Python on purpose.
RUN PYTHONPYCACHEPREFIX=/app/.venv/pycache .venv/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash \
    -x '/(test|tests|lib2to3)/' /app "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"

# What the installation left beside the folder, such as caches of pip, stays behind.
FROM base
USER leadhub
COPY --from=build --chown=leadhub /app /app
ENTRYPOINT ["./leadhub"]
CMD ["--help"]
