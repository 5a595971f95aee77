"""`bench`: run the benchmarks."""

import sys

import click

from cli.common import data_dir_option, make_settings

KINDS = ("ingest", "read", "attacks", "console", "sources", "likeness", "import", "idle", "size")


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("kind", type=click.Choice(KINDS), default="ingest")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@data_dir_option
def bench(kind: str, as_json: bool, arguments: tuple[str, ...]) -> None:
    """Measure this version: leads, lists, pages, attacks and more.

    `ingest` compares LeadHub with other programs that take leads. `read` compares lists of 10,000 leads with lists of a
    million. `attacks` attacks a LeadHub of its own and measures another workspace's leads meanwhile. `console` times
    each page of the console on a million submissions, and what ten open consoles cost the leads that arrive. `sources`
    posts 10,000 signed webhooks of one source, and compares their cost with that of inbound leads, and a form's
    latencies with those before. `likeness` compares made-up leads, ordinary and unfavourable ones, and says what a
    lead costs; with --set it also says how many of a labelled file's duplicates it finds. `import` imports
    100,000 made-up rows, exports them, and compares both. `idle` says what a LeadHub takes that nobody uses.
    `size` fills a workspace with ten million leads, one with a million, and ten thousand small ones, and compares
    lists, pages and the cost of a lead; it takes hours and 60 GB.

    A benchmark takes some minutes, `console` twenty; with --quick it takes three.

    Further options: --quick; for ingest also --rounds N, --variants, --million, --soak SECONDS; for
    likeness --leads N and --set PATH, which may be repeated; for import --rows N; for size --leads N and
    --workspaces N.
    """
    from bench.main import main

    sys.exit(main(kind, as_json, make_settings(), arguments))
