"""`api get leads` and its like: call the REST API of any installation. `api` alone runs the service."""

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, TypeVar

import click

from cli.remote_api import CONNECTION_ERRORS, RemoteAnswer, RemoteApi, remote_options

REFUSED_STATUS, FAILED_STATUS = 4, 5  # of this program: after an answer of 4xx, and of 5xx
STDIN_MARK = "@-"
SERVICE_WORDS = "cli.api_calls.service_words"  # in the context: what the service is to be started with
PAGE_SIZE = "100"
FEED_PATHS = ("events", "/api/v1/events")  # their cursor is called otherwise
BUSY_STATUSES, MAX_BUSY_TRIES, MAX_BUSY_SECONDS = (429, 503), 5, 60.0
BAD_VALUE_MESSAGE = "`{}`: a value goes name=text or name:=JSON, as in name=Ada or starred:=true"
CommandT = TypeVar("CommandT", bound=Callable[..., Any])


class ServiceOrCalls(click.Group):
    """The group `api`. Without the name of a call it runs the API service, as it always did."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the words of the service as they are."""
        is_call = args and (not args[0].startswith("-") or args[0] in ctx.help_option_names)
        if is_call:
            return super().parse_args(ctx, args)
        ctx.meta[SERVICE_WORDS] = list(args)
        return []

    def invoke(self, ctx: click.Context) -> Any:
        """Run the service, or a call."""
        if SERVICE_WORDS not in ctx.meta:
            return super().invoke(ctx)
        from cli import services  # imported late: a call of a remote API needs no server

        return services.api.main(ctx.meta[SERVICE_WORDS], prog_name=ctx.command_path, standalone_mode=False)


@click.group(cls=ServiceOrCalls)
def api() -> None:
    """Call the API, here or on another machine. Without one of these commands: run the API service alone.

    The service serves reads and edits under /api/v1 and takes --host, --port and --data-dir. It takes no leads in: what
    comes for /api/inbound and forms' submissions goes to a gateway. Its /api/v1/health answers 200 as long as it
    reaches the database.

    \b
    Examples:
      leadhub api get leads status=new --all
      leadhub api post leads first_name=Ada email=ada@example.com 'custom_fields:={"budget": 10}'
      leadhub api --port 8001
    """


def call_options(command: CommandT) -> CommandT:
    """Add what all calls take: a path, values, and where LeadHub is."""
    path = click.argument("path")
    values = click.argument("values", nargs=-1, metavar="[NAME=VALUE]...")
    return path(values(remote_options(command)))


def data_option(command: CommandT) -> CommandT:
    """Add `--data` to a command."""
    return click.option("--data", help="The body: JSON, @FILE, or @- for what stands in stdin.")(command)


class CallTarget(NamedTuple):
    """Where a call goes to."""

    url: str
    key: str


@api.command("get")
@click.option("--all", "is_all", is_flag=True, help="Follow the cursor to the end, and print one array.")
@call_options
def get(path: str, values: Sequence[str], is_all: bool, url: str, key: str) -> None:
    """Read a record or a list.

    Such as `api get leads status=new`, `api get leads/1`, `api get me`.

    PATH is what follows /api/v1/, or a whole path that begins with a slash. Values become parameters of the query.
    docs/openapi.json has all paths, and LeadHub shows them at /api/documentation.

    Prints the answer as JSON. Exit status: 0 for 2xx, 4 for an answer of 4xx, 5 for 5xx, 1 if nobody answers.
    """
    client, query = RemoteApi(url, key), _query_of(values)
    if is_all:
        _print_array(_walk(client, path, query))
    else:
        _print_answer(_call(client, "GET", path, query))


@api.command("post")
@data_option
@call_options
def post(path: str, values: Sequence[str], data: str | None, url: str, key: str) -> None:
    """Make a record, or do something.

    Such as `api post leads first_name=Ada`, `api post leads/1/tags tag=vip`.

    Values become fields of the body: name=text, or name:=JSON for numbers, true, false, null, lists and objects. With
    --data the body is taken as it is. Prints the answer, and ends, as `api get` does.
    """
    _change("POST", path, values, data, CallTarget(url, key))


@api.command("patch")
@data_option
@call_options
def patch(path: str, values: Sequence[str], data: str | None, url: str, key: str) -> None:
    """Change fields of a record.

    Such as `api patch leads/1 status=qualified starred:=true`. Fields that are not named stay as they are.

    Values are those of `api post`.
    """
    _change("PATCH", path, values, data, CallTarget(url, key))


@api.command("delete")
@call_options
def delete(path: str, values: Sequence[str], url: str, key: str) -> None:
    """Delete a record.

    Such as `api delete tags/3`. Values become parameters of the query. Prints nothing if there is nothing to say.
    """
    _print_answer(_call(RemoteApi(url, key), "DELETE", path, _query_of(values)))


def _change(method: str, path: str, values: Sequence[str], data: str | None, target: CallTarget) -> None:
    if data is not None and values:
        raise click.UsageError("--data is the whole body: name no values beside it")
    body = _fields_of(values) if data is None else _data_of(data)
    _print_answer(_call(RemoteApi(*target), method, path, body=body))


def _query_of(values: Sequence[str]) -> dict[str, str]:
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in _fields_of(values).items()}


def _fields_of(values: Sequence[str]) -> dict[str, Any]:
    """Return the values by name. UsageError for one that is none."""
    fields: dict[str, Any] = {}
    for text in values:
        name, separator, value = text.partition("=")
        if not separator or not name.rstrip(":"):
            raise click.UsageError(BAD_VALUE_MESSAGE.format(text))
        if not name.endswith(":"):
            fields[name] = value
            continue
        try:
            fields[name[:-1]] = json.loads(value)
        except ValueError:
            raise click.UsageError(BAD_VALUE_MESSAGE.format(text)) from None
    return fields


def _data_of(data: str) -> bytes:
    if data == STDIN_MARK:
        return sys.stdin.buffer.read()
    return Path(data[1:]).read_bytes() if data.startswith("@") else data.encode()


def _call(
    client: RemoteApi, method: str, path: str, query: Mapping[str, str] | None = None, body: Any = None
) -> RemoteAnswer:
    """Return the answer. RuntimeError if nobody answers."""
    try:
        return client.call(method, path, query, body)
    except CONNECTION_ERRORS as error:
        raise RuntimeError(f"{client.host} does not answer: {error}") from None


def _walk(client: RemoteApi, path: str, query: Mapping[str, str]) -> Iterator[Any]:
    """Yield the records of all pages. Ends the program with the status of a refused one."""
    is_feed = path in FEED_PATHS
    name, size = ("after", {"limit": PAGE_SIZE}) if is_feed else ("cursor", {"per_page": PAGE_SIZE})
    cursor = query.get(name, None if is_feed else "")
    while True:
        place = {} if cursor is None else {name: cursor}
        answer = _call_patiently(client, path, {**size, **query, **place})
        page = answer.document()
        if not answer.is_good:
            _end_refused(answer)
        if not isinstance(page, dict) or not isinstance(page.get("data"), list) or "meta" not in page:
            raise click.UsageError(f"{path} is no list: leave --all out")
        yield from page["data"]
        cursor = page["meta"]["next_cursor"]
        if cursor is None or not page["data"]:
            return


def _call_patiently(client: RemoteApi, path: str, query: Mapping[str, str]) -> RemoteAnswer:
    """Return the answer to a page. One that is busy is asked again when it says so, if that is soon."""
    for _ in range(MAX_BUSY_TRIES):
        answer = _call(client, "GET", path, query)
        if answer.status not in BUSY_STATUSES or answer.retry_after() > MAX_BUSY_SECONDS:
            return answer
        time.sleep(answer.retry_after())
    return answer


def _print_array(records: Iterator[Any]) -> None:
    """Print records as they come, as one array."""
    opening = "["
    for record in records:
        click.echo(opening + "\n" + _indented(record), nl=False)
        opening = ","
    click.echo("[]" if opening == "[" else "\n]")


def _indented(record: Any) -> str:
    return "\n".join(f"  {line}" for line in json.dumps(record, ensure_ascii=False, indent=2).splitlines())


def _print_answer(answer: RemoteAnswer) -> None:
    if not answer.is_good:
        _end_refused(answer)
    document = answer.document()
    if document is not None:
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
    elif answer.body:
        click.echo(answer.body, nl=False)


def _end_refused(answer: RemoteAnswer) -> NoReturn:
    """Print the error to stderr and end with its status."""
    document = answer.document()
    click.echo(answer.message() if document is None else json.dumps(document, ensure_ascii=False, indent=2), err=True)
    sys.exit(FAILED_STATUS if answer.status >= 500 else REFUSED_STATUS)
