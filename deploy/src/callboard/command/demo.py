"""`callboard demo`: a private mesh, a few customer cases, and an account of what happened."""

import typer


def demo(*, keep: bool = typer.Option(False, "--keep", help="Leave the mesh running.")) -> int:
    """Start a private mesh, settle customer cases on it, say what was done and what it cost, stop it."""
    import asyncio

    from callboard.demo.performance import perform

    return asyncio.run(perform(keep=keep))
