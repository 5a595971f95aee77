"""`completion`: a script with which a shell completes commands and options, made from the commands themselves."""

from collections.abc import Iterator
from typing import Literal, NamedTuple, get_args

import click

ShellName = Literal["bash", "zsh", "fish"]
SHELL_NAMES = get_args(ShellName)
PROGRAM = "leadhub"

BASH_SCRIPT = """\
# Completion of leadhub for bash. Made by `leadhub completion bash`.
_leadhub() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" place="" word words=""
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case "$place $word" in
            {places}) place="$place $word" ;;
        esac
    done
    case "$place" in
{cases}
    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F _leadhub leadhub
"""
BASH_CASE = '        "{place}") words="{words}" ;;'
ZSH_SCRIPT = """\
#compdef leadhub
# Completion of leadhub for zsh. Made by `leadhub completion zsh`.
_leadhub() {{
    local place="" word
    local -a words_here
    for word in "${{(@)words[2,CURRENT-1]}}"; do
        case "$place $word" in
            {places}) place="$place $word" ;;
        esac
    done
    case "$place" in
{cases}
    esac
    _describe 'leadhub' words_here || _files
}}
if [ "$funcstack[1]" = "_leadhub" ]; then
    _leadhub "$@"
else
    compdef _leadhub leadhub
fi
"""
ZSH_CASE = '        "{place}") words_here=({words}) ;;'
FISH_HEAD = """\
# Completion of leadhub for fish. Made by `leadhub completion fish`.
function __leadhub_place
    set -l place
    for word in (commandline -opc)[2..-1]
        switch "$place $word"
            case {places}
                set place "$place $word"
        end
    end
    test "$place" = "$argv[1]"
end
"""
FISH_COMMAND = "complete -c leadhub -f -n '__leadhub_place \"{place}\"' -a {word} -d {help}"
FISH_OPTION = "complete -c leadhub -n '__leadhub_place \"{place}\"' -l {word} -d {help}"


class CompletedWord(NamedTuple):
    """A command or an option, and what it is for."""

    word: str
    help: str


class CompletedPlace(NamedTuple):
    """The words that may follow some commands: ` key create` is the place after these two. The first one is empty."""

    place: str
    words: list[CompletedWord]


@click.command()
@click.argument("shell", type=click.Choice(SHELL_NAMES))
def completion(shell: ShellName) -> None:
    """Print a script by which a shell completes commands.

    \b
    To keep it, write it where the shell looks:
      leadhub completion bash > ~/.local/share/bash-completion/completions/leadhub
      leadhub completion zsh > "${fpath[1]}/_leadhub"
      leadhub completion fish > ~/.config/fish/completions/leadhub.fish

    To try it in bash: source <(leadhub completion bash). It starts no Python, and knows this version's commands: make
    it again after an upgrade.
    """
    root = click.get_current_context().find_root()
    click.echo(completion_script(shell, list(_places(root.command, root, ""))), nl=False)


def completion_script(shell: ShellName, places: list[CompletedPlace]) -> str:
    """Return the script of a shell."""
    made = {"bash": _bash_script, "zsh": _zsh_script, "fish": _fish_script}
    return made[shell](places)


def _places(command: click.Command, context: click.Context, place: str) -> Iterator[CompletedPlace]:
    """Yield the command and all below it."""
    words = [CompletedWord(option, text) for option, text in _options(command, context)]
    names = command.list_commands(context) if isinstance(command, click.Group) else []
    below = []
    for name in names:
        assert isinstance(command, click.Group)  # noqa: S101  # others have no names
        child = command.get_command(context, name)
        if child is not None and not child.hidden:
            below.append((name, child))
    words = [*(CompletedWord(name, child.get_short_help_str(70)) for name, child in below), *words]
    yield CompletedPlace(place, words)
    for name, child in below:
        yield from _places(child, click.Context(child, info_name=name, parent=context), f"{place} {name}")


def _options(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    for parameter in command.get_params(context):
        if isinstance(parameter, click.Option) and not parameter.hidden:
            names = [name for name in parameter.opts if name.startswith("--")]
            yield from ((name, parameter.help or "") for name in names[:1])


def _pattern(places: list[CompletedPlace]) -> str:
    return "|".join(f'"{place.place}"' for place in places if place.place)


def _bash_script(places: list[CompletedPlace]) -> str:
    cases = [BASH_CASE.format(place=place.place, words=" ".join(word.word for word in place.words)) for place in places]
    return BASH_SCRIPT.format(places=_pattern(places), cases="\n".join(cases))


def _zsh_script(places: list[CompletedPlace]) -> str:
    cases = [
        ZSH_CASE.format(
            place=place.place, words=" ".join(_quoted(f"{word.word}:{_plain(word.help)}") for word in place.words)
        )
        for place in places
    ]
    return ZSH_SCRIPT.format(places=_pattern(places), cases="\n".join(cases))


def _fish_script(places: list[CompletedPlace]) -> str:
    lines = [FISH_HEAD.format(places=" ".join(f'"{place.place}"' for place in places if place.place))]
    for place in places:
        for word, text in place.words:
            line = FISH_OPTION if word.startswith("--") else FISH_COMMAND
            lines.append(line.format(place=place.place, word=word.removeprefix("--"), help=_quoted(_plain(text))))
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """Return the first sentence of a help text, without what a shell would read as its own."""
    sentence = " ".join(text.split()).partition(". ")[0].rstrip(".")
    return sentence.replace("'", "").replace("`", "").replace(":", " -").replace("\\", "")


def _quoted(text: str) -> str:
    return f"'{text}'"
