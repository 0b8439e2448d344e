"""Named checks, each reported on a line of its own; the first that fails ends the client."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def check(name: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        print(f"not ok - {name}", flush=True)
        raise
    print(f"ok - {name}", flush=True)


def equal(got: object, want: object) -> None:
    if got != want:
        raise AssertionError(f"got {got!r}, want {want!r}")


def true(holds: bool, what: str) -> None:
    if not holds:
        raise AssertionError(what)


def raises(kind: type[Exception], call: Callable[[], object]) -> Exception:
    """The exception of `kind` that `call` ends with."""
    try:
        answer = call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}, but {answer!r}")
