"""Help pages say what each command does, and a command's own page keeps all its words."""

import pytest

from innkeeper.cli.main import make_app


def page(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    make_app()([*words, "--help"])
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("noun", "listed"),
    [
        ((), {"up": "Run ", "api": "Serve ", "audit": "Prove ", "host": "Hosts and"}),
        (("db",), {"sync": "Make ", "version": "Show "}),
        (("provider",), {"tree": "Show "}),
    ],
)
def test_a_list_of_commands_says_what_they_do(
    capsys: pytest.CaptureFixture[str], noun: tuple[str, ...], listed: dict[str, str]
) -> None:
    rows = [line.strip("│ ").split(maxsplit=1) for line in page(capsys, *noun).splitlines()]
    told = {row[0]: row[1] for row in rows if len(row) > 1}
    for name, words in listed.items():
        assert told[name].startswith(words)


def test_the_page_of_a_command_has_its_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert "innkeeper audit --data-dir /tmp/inn --json" in page(capsys, "audit")
    assert "innkeeper provider tree --limit 2 --json" in page(capsys, "provider", "tree")
