"""Operations that a lock cannot guard: those that have their effect before a workflow could wait for a turn."""

from collections.abc import Collection, Iterable

from callboard_kit.contract_book import ContractBook


class UnlockedEffectError(ValueError):
    """A handler that answers at once changes an entity, and nobody says what keeps two such changes apart."""


def require_workflows(
    at_once: Iterable[tuple[str, str]], book: ContractBook, *, ordered_by_store: Collection[str]
) -> None:
    """Let handlers that answer at once change no entity, unless their team says that its store keeps them apart.

    Args:
        at_once: Service and operation of each such handler.
        book: The contracts, with what they promise.
        ordered_by_store: Operations whose whole work is one transaction, as `<service>.<operation>`.

    Raises:
        UnlockedEffectError: Another one acts on an entity.
    """
    for service, operation in at_once:
        contract = book.find(service, operation)
        if contract is None or contract.promise.effect == "read" or not contract.promise.entity:
            continue
        if f"{service}.{operation}" not in ordered_by_store:
            raise UnlockedEffectError(
                f"{service} {operation} changes {contract.promise.entity!r} in a handler that answers at once, where "
                "no lock can be waited for: put a workflow behind it, or, if all it does is one transaction of a "
                f"store, say ordered_by_store=[{f'{service}.{operation}'!r}]"
            )
