"""Applications side by side: who gets which path."""

from innkeeper.api.asgi import Message, Receive, Scope, Send
from innkeeper.api.mount import Mounts


class Recording:
    def __init__(self) -> None:
        self.seen: list[tuple[str, str, str]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.seen.append((scope["type"], scope.get("root_path", ""), scope.get("path", "")))


async def receive() -> Message:
    return {}


async def send(_message: Message) -> None:
    pass


async def test_each_gets_its_own() -> None:
    placement, rest = Recording(), Recording()
    app = Mounts({"/placement": placement}, otherwise=rest)
    for path in ("/placement", "/placement/traits", "/placements", "/", "/v1/placement"):
        await app({"type": "http", "path": path}, receive, send)
    await app({"type": "lifespan"}, receive, send)
    assert placement.seen == [
        ("http", "/placement", "/placement"),
        ("http", "/placement", "/placement/traits"),
    ]
    assert [path for _, _, path in rest.seen] == ["/placements", "/", "/v1/placement", ""]
