"""The differences that are meant: each with its name, where it may show, and why.

What is not in TOLERATED fails. docs/reference/differences.md has every one of them, in the words
of those who notice it; a test compares the two lists.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from urllib.parse import unquote
from uuid import UUID

from tests.conformance.oracle.compare import Difference, differences
from tests.conformance.oracle.exchange import Answer, Request
from tests.conformance.oracle.misjudged import (
    Exchange,
    candidates_lost,
    child_shares,
    doubles,
    resourceless,
    same_class,
)
from tests.conformance.oracle.names import NOBODY
from tests.conformance.oracle.searches import search_differences


@dataclass(frozen=True)
class Tolerance:
    """One kind of difference that is meant."""

    name: str
    """As docs/reference/differences.md has it."""
    reason: str
    where: str
    """A regular expression over the whole of a difference's ``where``."""
    applies: Callable[[Exchange, Difference], bool]

    def excuses(self, exchange: Exchange, difference: Difference) -> bool:
        return re.fullmatch(self.where, difference.where) is not None and self.applies(
            exchange, difference
        )


def _vary(exchange: Exchange, difference: Difference) -> bool:
    return exchange.theirs.status >= 400 and difference.theirs is None


def _head(exchange: Exchange, _difference: Difference) -> bool:
    return exchange.request.method == "HEAD"


LISTING = re.compile(
    "bad group\\(s\\)|not found in \\[|No such trait|orphaned|Conflicting required|update conflict"
)
"""Words of messages that list the members of a set."""


def _set_order(_exchange: Exchange, difference: Difference) -> bool:
    ours, theirs = str(difference.ours), str(difference.theirs)
    return LISTING.search(theirs) is not None and _words(ours) == _words(theirs)


def _words(text: str) -> set[str]:
    return set(re.findall(r"[^\s{}\[\],]+", text))


def _sql_shown(_exchange: Exchange, difference: Difference) -> bool:
    ours, theirs = str(difference.ours), str(difference.theirs)
    lead, sql, _ = theirs.partition("(sqlite3.IntegrityError)")
    return bool(sql) and ours.startswith(lead)


def _more_words(_exchange: Exchange, difference: Difference) -> bool:
    ours, theirs = str(difference.ours), str(difference.theirs).rstrip()
    return ours.startswith(theirs) and ("Unable to alloc" in theirs or "generation conf" in theirs)


def _both_taken(_exchange: Exchange, difference: Difference) -> bool:
    ours, theirs = str(difference.ours), str(difference.theirs)
    (one,) = re.findall(r"provider (\w+: \S+) already", theirs) or [""]
    both = re.search(r"provider (uuid: \S+), (name: \S+) already", ours)
    return both is not None and one in both.groups()


def _first_cause(_exchange: Exchange, difference: Difference) -> bool:
    both = (str(difference.ours), str(difference.theirs))
    return all("\n\n Unable to allocate inventory: " in words for words in both)


def _no_inventories(exchange: Exchange, difference: Difference) -> bool:
    path, below, _ = exchange.request.target.partition("/inventories")
    return (
        bool(below)
        and difference.theirs is None
        and difference.ours == exchange.view.modified(path)
        and exchange.ours.json.get("inventories") == {}
    )


def _inventories_modified(exchange: Exchange, difference: Difference) -> bool:
    """Ours is their provider's, whose generation is in the body; theirs is an earlier one."""
    path, below, _ = exchange.request.target.partition("/inventories")
    return (
        bool(below)
        and exchange.request.method == "GET"
        and difference.ours == exchange.view.modified(path)
        and _is_earlier(difference)
    )


def _stale_provider(exchange: Exchange, difference: Difference) -> bool:
    """Ours is what the next GET says, of both; theirs is what the last one said."""
    path = exchange.request.target
    return (
        exchange.request.method == "PUT"
        and re.fullmatch("/resource_providers/[^/]+", path) is not None
        and difference.ours == exchange.view.modified(path)
        and (difference.theirs is None or _is_earlier(difference))
    )


def _is_earlier(difference: Difference) -> bool:
    if difference.ours is None or difference.theirs is None:
        return False
    ours, theirs = map(parsedate_to_datetime, (difference.ours, difference.theirs))
    return theirs < ours


def _unknown_name(exchange: Exchange, _difference: Difference) -> bool:
    words = re.compile(b"Invalid resource class in resources parameter|No such trait")
    return (
        exchange.ours.status == 400
        and words.search(exchange.ours.body) is not None
        and exchange.theirs.status == 200
        and not any(exchange.theirs.json.values())
    )


UNKNOWN = re.compile("No such (?:trait\\(s\\): |resource class )(.+?)\\.")


def _which_unknown(exchange: Exchange, difference: Difference) -> bool:
    """Both say of names that are in the query that they are unknown."""
    told = [UNKNOWN.search(str(each)) for each in (difference.ours, difference.theirs)]
    query = unquote(exchange.request.target.partition("?")[2])
    return all(each is not None and all(n in query for n in each[1].split(", ")) for each in told)


UUID_VALUE = re.compile("[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}", re.IGNORECASE)


def _uuid_spelling(exchange: Exchange, _difference: Difference) -> bool:
    """Ours is the same as for the usual spelling; theirs is as for a uuid that nothing has."""
    usual = _respelled(exchange.request, lambda said: str(UUID(said)))
    if usual == exchange.request:
        return False
    misread = _respelled(exchange.request, lambda said: said if _is_usual(said) else NOBODY)
    other = replace(exchange, request=misread, ours=exchange.view.ask(misread))
    return _same(exchange.ours, exchange.view.ask(usual)) and all(
        excuse(other, each) for each in all_differences(other)
    )


def _respelled(request: Request, of: Callable[[str], str]) -> Request:
    path, mark, query = request.target.partition("?")
    return replace(request, target=path + mark + UUID_VALUE.sub(lambda m: of(m[0]), query))


def _is_usual(said: str) -> bool:
    return said == str(UUID(said))


def _same(one: Answer, two: Answer) -> bool:
    return (one.status, one.body) == (two.status, two.body)


TOLERATED = (
    Tolerance(
        "lost-candidates",
        "with sharing providers and granular groups the reference loses all but one anchor",
        "candidates|count",
        candidates_lost,
    ),
    Tolerance(
        "same-class",
        "the reference adds amounts up wrongly where groups ask for the same class",
        "candidates|count|doubles",
        same_class,
    ),
    Tolerance(
        "doubles",
        "the reference tells apart by mappings what is the same without them",
        "doubles",
        doubles,
    ),
    Tolerance(
        "child-shares",
        "a provider that shares and is no root is a 500 in some searches of the reference",
        "status|body|header .*|error .*",
        child_shares,
    ),
    Tolerance(
        "set-order",
        "the reference lists the members of a set in any order",
        "error detail",
        _set_order,
    ),
    Tolerance(
        "unknown-name",
        "an unknown class or trait is 400, even if another group alone leaves no candidates",
        "status|error .*|body|header cache-control|header last-modified",
        _unknown_name,
    ),
    Tolerance(
        "which-unknown",
        "of several unknown names the reference tells one; which one is for us to choose",
        "error detail",
        _which_unknown,
    ),
    Tolerance(
        "uuid-spelling",
        "a uuid without dashes or in upper case is the same uuid, in a query too",
        "candidates|count|doubles|body|header last-modified",
        _uuid_spelling,
    ),
    Tolerance(
        "resourceless",
        "in_tree counts for a group without resources, which may be any provider else",
        "candidates|count",
        resourceless,
    ),
    Tolerance(
        "no-inventories",
        "last-modified is on every answer from 1.15, on one without inventories too",
        "header last-modified",
        _no_inventories,
    ),
    Tolerance(
        "inventories-modified",
        "inventories are as new as the generation that they are shown with",
        "header last-modified",
        _inventories_modified,
    ),
    Tolerance(
        "stale-provider",
        "a provider that was just changed is told with the time of the change before",
        "header last-modified",
        _stale_provider,
    ),
    Tolerance(
        "sql-shown",
        "a second inventory of a class: the reference's conflict quotes its SQL",
        "error detail",
        _sql_shown,
    ),
    Tolerance(
        "more-words",
        "after the usual words a refused claim says numbers, a stale generation whose it is",
        "error detail",
        _more_words,
    ),
    Tolerance(
        "first-cause",
        "of several reasons why a claim does not fit, another one may be told",
        "error detail",
        _first_cause,
    ),
    Tolerance(
        "both-taken",
        "where name and uuid are taken, the reference on SQLite tells of one only",
        "error detail",
        _both_taken,
    ),
    Tolerance(
        "vary",
        "errors depend on the version too: caches must know",
        "header vary",
        _vary,
    ),
    Tolerance(
        "head",
        "a 405 to HEAD has no body, so that its type says nothing",
        "header content-type|body",
        _head,
    ),
)


def all_differences(exchange: Exchange) -> Iterator[Difference]:
    """Give what is different; look closer where the bodies of a search are."""
    for difference in differences(exchange.request, exchange.ours, exchange.theirs):
        if difference.where == "body" and exchange.whole is not None:
            yield from search_differences(exchange.request, exchange.ours, exchange.whole)
        else:
            yield difference


def excuse(exchange: Exchange, difference: Difference) -> str | None:
    """Give the name of the tolerance for a difference; None if it is none that is meant."""
    for tolerance in TOLERATED:
        if tolerance.excuses(exchange, difference):
            return tolerance.name
    return None
