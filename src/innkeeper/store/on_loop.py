"""On the loop: code that waits, on the loop's own thread, while that goes on with other things.

A transaction is written as what it is: statements, one after the other. On a thread of its own it
would have to get the interpreter's lock back from a busy loop after each wait, and the loop from
it. In a greenlet its waits are turns of the loop, and nobody ever waits for the lock.

What runs here must wait by this module only: whatever else waits keeps everybody waiting. Nor may
it call the loop: while it runs, the loop's part of the C stack, to which libuv keeps pointers, is
put away. So all that the loop is asked for here is done by functions that are given to it.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar, cast

from greenlet import getcurrent, greenlet

READ: Final = 1
WRITE: Final = 2
"""What may be waited for of a socket: either, or the sum of both."""

Resume = Callable[..., None]
"""Goes on with what waits; what it is called with is what the wait gives."""
Arrange = Callable[[Resume], None]
"""Sees to it, outside of the greenlet, that the loop resumes what waits, once."""

_Result = TypeVar("_Result")


class _Work(greenlet):
    """The greenlet of something that was begun here. Its parent is the loop's."""


def begin(work: Callable[[], _Result]) -> "asyncio.Future[_Result]":
    """Run ``work`` to where it first waits; the running loop does the rest. Gives what comes of it.

    The work goes on though that is cancelled.
    """
    done: asyncio.Future[_Result] = asyncio.get_running_loop().create_future()
    _go_on(_Work(work), done)
    return done


def is_here() -> bool:
    """Tell whether the caller was begun here, and so must not keep the thread waiting."""
    return isinstance(getcurrent(), _Work)


def wait_for_socket(fileno: int, events: int) -> int:
    """Let the loop go on until a socket can be read or written, as ``events`` says; give which."""

    def arrange(resume: Resume) -> None:
        loop = asyncio.get_running_loop()

        def come(event: int) -> None:
            if events & READ:
                loop.remove_reader(fileno)
            if events & WRITE:
                loop.remove_writer(fileno)
            resume(event)

        if events & READ:
            loop.add_reader(fileno, come, READ)
        if events & WRITE:
            loop.add_writer(fileno, come, WRITE)

    return cast("int", _wait(arrange))


def elsewhere(work: Callable[[], _Result]) -> _Result:
    """Do what can only wait by itself on a thread; where that keeps nobody waiting, on this one."""
    if not is_here():
        return work()

    def arrange(resume: Resume) -> None:
        asyncio.get_running_loop().run_in_executor(None, work).add_done_callback(resume)

    return cast("asyncio.Future[_Result]", _wait(arrange)).result()


def _wait(arrange: Arrange) -> object:
    return cast("greenlet", getcurrent().parent).switch(arrange)


def _go_on(work: _Work, done: "asyncio.Future[Any]", *came: object) -> None:
    """Run ``work`` to where it waits next, or to its end."""
    try:
        given = work.switch(*came)
        while not work.dead:
            try:
                given(partial(_go_on, work, done))
            except (OSError, RuntimeError, ValueError) as error:
                # Nobody would ever resume it.
                given = work.throw(error)
            else:
                return
    except BaseException as error:  # fence: loop
        if not done.cancelled():
            done.set_exception(error)
        if not isinstance(error, Exception):
            raise
    else:
        if not done.cancelled():
            done.set_result(given)
