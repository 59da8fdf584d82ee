"""`tinyad completion` and `tinyad help`: all that the parser has, and scripts that shells can run."""

import shutil
import subprocess

import pytest

from tinyad.cli import _parser, main
from tinyad.commands.completion import SHELLS, commands_of


def script(shell, capsys):
    assert main(["completion", shell]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("shell", SHELLS)
def test_every_command_and_option_is_there(shell, capsys):
    text = script(shell, capsys)
    commands = commands_of(_parser())
    assert {"check", "new", "help", "completion", "grade"} <= {command.name for command in commands}
    (steps,) = (command for command in commands if command.name == "class")
    assert "--mistakes" in [name for option in steps.options for name in option.names]
    for command in commands:
        assert command.name in text
        for option in command.options:
            for name in option.names:
                assert (name.lstrip("-") if shell == "fish" else name) in text
            for value in option.values or ():
                assert value in text


def completed(text, *words):
    """Return what bash offers in the place of the last word."""
    commands = f"{text}\nCOMP_WORDS=({' '.join(map(repr, words))}); COMP_CWORD={len(words) - 1}; _tinyad\n"
    done = subprocess.run(
        ["bash", "-u", "-c", commands + 'echo "${COMPREPLY[@]-}"'], capture_output=True, encoding="utf-8", check=True
    )
    assert not done.stderr
    return done.stdout.split()


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash")
def test_bash_completes(capsys):
    text = script("bash", capsys)
    assert completed(text, "tinyad", "ch") == ["check"]
    assert "completion" in completed(text, "tinyad", "")
    assert completed(text, "tinyad", "check", "--sch") == ["--schema", "--scheduler"]
    assert completed(text, "tinyad", "check", "--output-format", "j") == ["json", "junit"]
    assert completed(text, "tinyad", "check", "--output-format", "") == ["text", "json", "github", "sarif", "junit"]
    assert completed(text, "tinyad", "check", "a") == []  # files, by bash itself
    assert completed(text, "tinyad", "check", "--html", "-") == []
    assert completed(text, "tinyad", "completion", "") == [*SHELLS]
    assert "check" in completed(text, "tinyad", "help", "c")
    assert completed(text, "tinyad", "check", "--output-format", "=") == ["text", "json", "github", "sarif", "junit"]
    assert completed(text, "tinyad", "check", "--output-format", "=", "j") == ["json", "junit"]
    assert completed(text, "tinyad", "class", "") == ["init"]
    assert completed(text, "tinyad", "class", "init", "--mi") == ["--mistakes"]
    assert completed(text, "tinyad", "class", "init", "d") == []  # a file


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_can_be_read(shell, capsys):
    text = script(shell, capsys)
    if not shutil.which(shell):
        pytest.skip(f"there is no {shell}")
    subprocess.run([shell, "-n"], input=text, encoding="utf-8", check=True)


def test_words_are_quoted(capsys):
    assert "'demo:the slides'\\''" in script("zsh", capsys)
    assert "-d 'the slides\\' LSTM" in script("fish", capsys)


@pytest.mark.parametrize("command", ["", "check", "completion", "help"])
def test_help_is_that_of_the_option(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["help", *filter(None, [command])])
    assert not stopped.value.code
    said = capsys.readouterr().out
    with pytest.raises(SystemExit):
        main([*filter(None, [command]), "--help"])
    assert capsys.readouterr().out == said


def test_help_on_a_step(capsys):
    said = []
    for words in (["help", "class", "init"], ["class", "init", "--help"]):
        with pytest.raises(SystemExit):
            main(words)
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]
    assert "--mistakes" in said[0]


def test_help_on_what_is_no_command(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["help", "chekc"])
    assert stopped.value.code == 2
    assert "chekc" in capsys.readouterr().err
