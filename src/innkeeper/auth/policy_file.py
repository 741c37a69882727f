"""Policy files of operators: a flat mapping of rule names to check strings, in YAML or JSON.

Only what such files consist of is read: one ``name: check`` a line, quotes and comments. That
is what oslopolicy-sample-generator writes, too.
"""

import re
from pathlib import Path
from typing import Final

from innkeeper.core.errors import SetupError

_LINE: Final = re.compile(
    r"""
    \s* (?P<name> "[^"]*" | '[^']*' | [\w:.-]+? )
    \s* : \s+
    (?P<check> "(?:[^"\\]|\\.)*" | '(?:[^']|'')*' | [^#]*? )
    \s* ,? \s* (?: \#.* )?
    """,
    re.VERBOSE,
)


def read_policy_file(path: Path) -> dict[str, str]:
    """Give the rules in a policy file; raise SetupError naming the line that is not understood."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"Cannot read the policy file {path}: {error}.") from error
    rules = {}
    for number, line in enumerate(text.splitlines(), start=1):
        bare = line.strip()
        if not bare or bare.startswith("#") or bare in {"{", "}", "{}", "---"}:
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise SetupError(f"{path}, line {number}: not of the form `rule: check`.")
        rules[_unquoted(match["name"])] = _unquoted(match["check"])
    return rules


def _unquoted(text: str) -> str:
    if text.startswith('"'):
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    return text
