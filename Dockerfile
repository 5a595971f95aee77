# One image for all services; the command says which. Everything installed is pinned by hash in requirements.lock.
FROM python:3.13-slim

RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin leadhub \
    && mkdir /app && chown leadhub:leadhub /app
WORKDIR /app
USER leadhub

# The environment alone, so that a change of the code does not install it again.
COPY --chown=leadhub leadhub requirements.lock ./
RUN python -c "import runpy; runpy.run_path('leadhub')['prepare']()"

COPY --chown=leadhub . .

ENTRYPOINT ["./leadhub"]
CMD ["--help"]
