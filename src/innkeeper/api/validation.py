"""JSON documents against schemas: quickly if they are good, in the contract's words if not.

jsonschema-rs may only accept. What it refuses is judged again by the ``jsonschema`` library,
whose messages are part of the Placement API's contract.
"""

import json
import re
from collections.abc import Callable, Mapping
from functools import cached_property
from itertools import islice
from typing import Any, Final

import jsonschema
import jsonschema_rs
import msgspec
from jsonschema.exceptions import best_match

Document = Any
"""A decoded JSON document. It goes no further than the handler that asked for it."""

MAX_FAULTS: Final = 1_000
"""Faults of one document that are weighed against each other: to find more takes seconds."""
MAX_SHOWN_CHARS: Final = 4_096
"""What an error quotes of a document at most. It says what is wrong and where; to print all of a
long document takes seconds, and the answer would be twice as long."""
MAX_WORDS_CHARS: Final = 16_384
"""What an error says at most, with the schema and the way to the fault, whose names may be long."""

_TRAILING_DOLLAR: Final = re.compile(r"(?<!\\)\$$")


class InvalidDocument(Exception):
    """A document does not fit its schema; the message is jsonschema's."""


class MalformedJson(Exception):
    """A text is not JSON; the message says where."""


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _newline_before_end(pattern: str) -> str:
    """Give the pattern with the meaning that ``$`` has in Python: before a last newline, too."""
    return _TRAILING_DOLLAR.sub(r"\\n?$", pattern)


def _for_rust(schema: Document) -> Document:
    """Give a copy of ``schema`` whose regular expressions mean there what they mean in Python."""
    if isinstance(schema, list):
        return [_for_rust(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    copy: dict[str, Document] = {}
    for key, value in schema.items():
        if key == "pattern" and isinstance(value, str):
            copy[key] = _newline_before_end(value)
        elif key == "patternProperties":
            copy[key] = {_newline_before_end(p): _for_rust(v) for p, v in value.items()}
        else:
            copy[key] = _for_rust(value)
    return copy


class Schema:
    """A JSON schema, compiled for both judges when it is first used."""

    def __init__(
        self, schema: Mapping[str, Document], *, formats: Mapping[str, Callable[[str], bool]]
    ) -> None:
        self.schema = dict(schema)
        self._formats = dict(formats)

    @cached_property
    def _quick(self) -> Any:  # noqa: ANN401 - one of several classes of jsonschema-rs
        return jsonschema_rs.validator_for(
            _for_rust(self.schema), formats=self._formats, validate_formats=True
        )

    @cached_property
    def _exact(self) -> jsonschema.Draft202012Validator:
        checker = jsonschema.FormatChecker(formats=())
        for name, is_good in self._formats.items():
            checker.checks(name)(_strings_only(is_good))
        return jsonschema.Draft202012Validator(self.schema, format_checker=checker)

    def check(self, document: Document) -> None:
        """Raise InvalidDocument if the document does not fit."""
        try:
            if self._quick.is_valid(document):
                return
        except ValueError:
            # A document that it cannot read at all, such as one with a lone surrogate.
            pass
        error = best_match(islice(self._exact.iter_errors(document), MAX_FAULTS))
        if error is not None:
            raise InvalidDocument(_words(error))


class _Beginning:
    """Stands for a value in an error's words, where it is too long to be shown whole."""

    def __init__(self, shown: str) -> None:
        self._shown = shown

    def __repr__(self) -> str:
        return self._shown


def _words(error: jsonschema.ValidationError) -> str:
    """Give jsonschema's words, with the beginning of what is very long in them."""
    error.message = _beginning(error.message, MAX_SHOWN_CHARS)
    shown = repr(error.instance)
    if len(shown) > MAX_SHOWN_CHARS:
        error.instance = _Beginning(_beginning(shown, MAX_SHOWN_CHARS))
    return _beginning(str(error), MAX_WORDS_CHARS)


def _beginning(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}..."


def _strings_only(is_good: Callable[[str], bool]) -> Callable[[object], bool]:
    return lambda value: not isinstance(value, str) or is_good(value)


def decode_json(body: bytes) -> Document:
    """Decode JSON; raise MalformedJson in the words of Python's own decoder."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    try:
        document = json.loads(body.decode(), parse_constant=_no_constant)
        # What it accepts beyond the other has no place in a store: numbers without bound
        # and halves of a surrogate pair. Writing it out again refuses both.
        json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
        return document
    except RecursionError as error:
        raise MalformedJson("nested too deeply") from error
    except ValueError as error:
        raise MalformedJson(str(error)) from error
