"""`tinyad completion`: a script with which a shell completes commands, options and files, made from the parser."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple


class Option(NamedTuple):
    """An option of a command: its names, its help, and what its value may be; None for one without a value."""

    names: tuple[str, ...]
    help: str
    values: tuple[str, ...] | None


class Command(NamedTuple):
    """A command: its name, its help, its options, and which words come first without an option; files do after them."""

    name: str
    help: str
    options: tuple[Option, ...]
    words: tuple[str, ...] = ()


def add_parser(commands: Any, parser: argparse.ArgumentParser) -> None:
    """Add the command to the parser of the command line, which it reads."""
    completion = commands.add_parser("completion", help="print a script that completes commands and options in a shell")
    completion.add_argument("shell", choices=[*SHELLS], help='bash: eval "$(tinyad completion bash)" in ~/.bashrc')
    completion.set_defaults(run=lambda options: _print(options, parser), other_place="a terminal")


def _print(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    print(SHELLS[options.shell](commands_of(parser)))
    return 0


def commands_of(parser: argparse.ArgumentParser) -> list[Command]:
    """Return the commands of a parser."""
    (choice,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))  # noqa: SLF001
    helps = {action.dest: action.help or "" for action in choice._choices_actions}  # noqa: SLF001
    return [_command(name, helps.get(name, ""), inner) for name, inner in choice.choices.items()]


def _command(name: str, told: str, parser: argparse.ArgumentParser) -> Command:
    options: list[Option] = []
    words: tuple[str, ...] = ()
    for action in parser._actions:  # noqa: SLF001  # argparse tells what it parses in no other way
        values = tuple(map(str, action.choices)) if action.choices else ()
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            options += [option for inner in commands_of(parser) for option in inner.options if option not in options]
        if action.option_strings:
            options.append(
                Option(tuple(action.option_strings), action.help or "", None if action.nargs == 0 else values)
            )
        else:
            words = words or values
    return Command(name, told, tuple(options), words)


def _bash(commands: list[Command]) -> str:
    cases = "\n".join(row for command in commands for row in _bash_case(command))
    names = " ".join(command.name for command in commands)
    return f"""\
# Completes tinyad in bash: eval "$(tinyad completion bash)"
_tinyad() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}} words= first=
    [ "$word" = "=" ] && word= && before="= $before"  # bash takes --name=value apart
    [ "$before" = "=" ] && before="= ${{COMP_WORDS[COMP_CWORD - 2]}}"
    before=${{before#= }}
    [ "$COMP_CWORD" -eq 2 ] && first=yes
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "{names} --help --version" -- "$word"))
        return
    fi
    case ${{COMP_WORDS[1]}},$before,$word in
{cases}
    esac
    COMPREPLY=()
    [ -n "$words" ] && COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o bashdefault -o default -F _tinyad tinyad"""


def _bash_case(command: Command) -> Iterator[str]:
    for option in command.options:
        if option.values:
            yield from (
                f'        {command.name},{name},*) words="{" ".join(option.values)}" ;;' for name in option.names
            )
    valued = [name for option in command.options if option.values == () for name in option.names]
    if valued:  # bash completes files
        yield "        " + "|".join(f"{command.name},{name},*" for name in valued) + ") ;;"
    names = " ".join(name for option in command.options for name in option.names)
    yield f'        {command.name},*,-*) words="{names}" ;;'
    if command.words:
        yield f'        {command.name},*) words="${{first:+{" ".join(command.words)}}}" ;;'


def _zsh(commands: list[Command]) -> str:
    cases = "\n".join(row for command in commands for row in _zsh_case(command))
    names = "\n".join(f"        {_quoted(f'{command.name}:{command.help}')}" for command in commands)
    return f"""\
#compdef tinyad
# Completes tinyad in zsh: eval "$(tinyad completion zsh)" behind compinit
_tinyad() {{
    local -a commands
    commands=(
{names}
    )
    if (( CURRENT == 2 )); then
        _describe command commands
        return
    fi
    local command=${{words[2]}}
    shift words
    (( CURRENT-- ))
    case $command in
{cases}
    esac
}}
compdef _tinyad tinyad"""


def _zsh_case(command: Command) -> Iterator[str]:
    yield f"        {command.name})"
    yield "            _arguments \\"
    for option in command.options:
        for name in option.names:
            value = "" if option.values is None else f":value:{_zsh_values(option.values)}"
            told = option.help.replace("\\", " ").replace("[", "(").replace("]", ")").replace(":", "\\:")
            equals = "=" if value and name.startswith("--") else ""  # --name value, or --name=value
            yield f"                {_quoted(f'*{name}{equals}[{told}]{value}')} \\"
    if command.words:
        yield f"                {_quoted(f'1:argument:{_zsh_values(command.words)}')} \\"
    yield f"                {_quoted('*:file:_files')}"
    yield "            ;;"


def _zsh_values(values: tuple[str, ...]) -> str:
    return f"({' '.join(values)})" if values else "_files"


def _fish(commands: list[Command]) -> str:
    rows = ["# Completes tinyad in fish: tinyad completion fish | source"]
    for command in commands:
        rows.append(f"complete -c tinyad -f -n __fish_use_subcommand -a {command.name} -d {_fish_quoted(command.help)}")
    for command in commands:
        inside = f"complete -c tinyad -n '__fish_seen_subcommand_from {command.name}'"
        for option in command.options:
            names = " ".join(f"-l {n[2:]}" if n.startswith("--") else f"-s {n[1:]}" for n in option.names)
            value = "" if option.values is None else f" -x -a '{' '.join(option.values)}'" if option.values else " -r"
            rows.append(f"{inside} {names}{value} -d {_fish_quoted(option.help)}")
        if command.words:
            first = f"complete -c tinyad -n '__fish_seen_subcommand_from {command.name}; {FISH_FIRST}'"
            rows.append(f"{first} -f -a '{' '.join(command.words)}'")
    return "\n".join(rows)


FISH_FIRST = "and test (count (commandline -opc)) -eq 2"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


SHELLS: dict[str, Callable[[list[Command]], str]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
