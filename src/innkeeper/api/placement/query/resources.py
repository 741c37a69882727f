"""``resources=VCPU:2,MEMORY_MB:1024``: amounts by resource class."""

from typing import Final

from innkeeper.api.placement.errors import bad_request
from innkeeper.core.inventory import MAX_INT

MORE_THAN_ANY: Final = MAX_INT + 1
"""Stands for every amount above the largest that an inventory can give at once."""

_FORM: Final = (
    "Badly formed resources parameter. Expected resources query string parameter in form:"
    " ?resources=VCPU:2,MEMORY_MB:1024. Got: "
)


def parse_resources(text: str) -> tuple[tuple[str, int], ...]:
    """Give (resource class, amount) by class name; raise HttpError 400 if malformed."""
    if not text.strip():
        raise bad_request(f"{_FORM}empty string.")
    amounts: dict[str, int] = {}
    for item in text.split(","):
        name, colon, amount_text = item.partition(":")
        if not colon or ":" in amount_text:
            raise bad_request(f"{_FORM}{item}.")
        amounts[name] = _amount(name, amount_text)
    return tuple(sorted(amounts.items()))


def _amount(name: str, text: str) -> int:
    try:
        amount = int(text)
    except ValueError as error:
        raise bad_request(
            f"Requested resource {name} expected positive integer amount. Got: {text}."
        ) from error
    if amount < 1:
        raise bad_request(f"Requested resource {name} requires amount >= 1. Got: {amount}.")
    return min(amount, MORE_THAN_ANY)
