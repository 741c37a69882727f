"""The ports of a server: the one of all APIs, and perhaps one for the Placement API alone."""

import socket
from dataclasses import dataclass

from innkeeper.config import Config
from innkeeper.wiring.serve import HttpServer
from innkeeper.wiring.shares import Share


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports that are taken."""

    http: HttpServer
    placement: HttpServer | None

    @classmethod
    def bind(cls, config: Config) -> "Ports":
        """Take the ports. Raises SetupError."""
        http = HttpServer.bind(config.api.host, config.api.port)
        address = config.placement.address
        if address is None:
            return cls(http, None)
        try:
            return cls(http, HttpServer.bind(*address, option="--placement-listen"))
        except BaseException:
            http.release()
            raise

    @classmethod
    def inherited(cls, filenos: tuple[int, ...], share: Share) -> "Ports":
        """Give the ports of the process that started this one, by what ``filenos`` was there.

        Connections of both count in ``share``.
        """
        http, *alone = (HttpServer(socket.socket(fileno=fileno), share) for fileno in filenos)
        return cls(http, alone[0] if alone else None)

    @property
    def url(self) -> str:
        """Where all APIs are."""
        return self.http.url

    @property
    def placement_url(self) -> str:
        """Where the Placement API is alone, at the root; "" if nowhere."""
        return "" if self.placement is None else self.placement.url

    @property
    def filenos(self) -> tuple[int, ...]:
        """The numbers of the sockets, for a process that inherits them."""
        both = (self.http, self.placement)
        return tuple(each.fileno for each in both if each is not None)

    def release(self) -> None:
        """Give the ports back."""
        self.http.release()
        if self.placement is not None:
            self.placement.release()
