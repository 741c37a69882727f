"""`innkeeper openapi`: the OpenAPI documents of both APIs, as a server gives them."""

from typing import Annotated

from cyclopts import Parameter

from innkeeper.cli import exits
from innkeeper.core.errors import InvalidInput, SetupError


def placement(*, microversion: Annotated[str, Parameter(show_default=True)] = "1.39") -> int:
    """Print the OpenAPI 3.1 document of the Placement API at one microversion.

    A server has it at /v1/placement/openapi.json?microversion=1.39.

    For example:

        innkeeper openapi placement > placement.json
        innkeeper openapi placement --microversion 1.36

    Parameters
    ----------
    microversion
        From 1.0 to 1.39.
    """
    from innkeeper.api.placement.openapi import document, known_version

    try:
        version = known_version(microversion)
    except InvalidInput as error:
        raise SetupError(f"--microversion: {error.detail}") from error
    print(document(version).decode())
    return exits.FINE


def native() -> int:
    """Print the OpenAPI 3.1 document of the native API.

    A server has it at /v1/openapi.json.

    For example:

        innkeeper openapi native > innkeeper.json
    """
    from innkeeper.api.native.openapi import document
    from innkeeper.api.native.operations import OPERATIONS

    print(document(OPERATIONS).decode())
    return exits.FINE
