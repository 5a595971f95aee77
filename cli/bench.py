"""`bench`: how fast, beside what."""

import click

from cli.common import data_dir_option, make_settings


@click.command()
@click.argument("kind", type=click.Choice(["ingest", "read"]), required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
@data_dir_option
def bench(kind: str | None, as_json: bool) -> None:
    """Measure taking leads (ingest) or answering for them (read), or both, side by side with references on this
    machine. Takes some minutes."""
    from bench.main import main

    main(kind, as_json, make_settings())
