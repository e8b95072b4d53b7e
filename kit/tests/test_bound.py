from contextvars import ContextVar, copy_context

from callboard_kit.bound import bound

colour: ContextVar[str] = ContextVar("colour", default="none")


async def painted() -> str:
    with bound(colour, "red"):
        await Pause()
    return colour.get()


class Pause:
    """Gives control back to whoever drives the coroutine."""

    def __await__(self):
        yield


def test_a_variable_has_its_value_in_the_block_only():
    with bound(colour, "red") as value:
        assert (value, colour.get()) == ("red", "red")

    assert colour.get() == "none"


def test_a_block_that_is_thrown_away_in_another_context_ends_quietly():
    running = painted()
    copy_context().run(running.send, None)

    running.close()

    assert colour.get() == "none"
