"""What moving money does to a payment method, free of Temporal and of any database.

Only gift cards hold money here; what is paid with a card or an account is somebody else's book.
"""

from callboard_contracts import RefusedError
from callboard_contracts.billing import v1 as billing


def after(method: billing.PaymentMethod, transaction: billing.Transaction) -> billing.PaymentMethod:
    """Return `method` as `transaction` leaves it: a gift card's balance in whole cents, anything else unchanged.

    Raises:
        RefusedError: A gift card does not cover the payment.
    """
    if not isinstance(method, billing.GiftCard):
        return method
    paid = transaction.transaction_type == "payment"
    if paid and transaction.amount > method.balance:
        raise RefusedError(f"gift card {method.id!r} does not cover the amount: choose another payment method")
    change = -transaction.amount if paid else transaction.amount
    return method.model_copy(update={"balance": round(method.balance + change, 2)})


def opposite(transaction: billing.Transaction) -> billing.Transaction:
    """Return what undoes `transaction`."""
    kind = "refund" if transaction.transaction_type == "payment" else "payment"
    return transaction.model_copy(update={"transaction_type": kind})


def balance_of(method: billing.PaymentMethod) -> float | None:
    """Return what is left on a gift card, and None for anything else."""
    return method.balance if isinstance(method, billing.GiftCard) else None
