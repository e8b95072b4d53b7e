"""Arithmetic as support writes it down: `+ - * / // **` and brackets over plain numbers, and nothing else."""

import ast
import math
from typing import Final

from callboard_contracts import RefusedError

LONGEST: Final = 500
"""Characters of an expression."""

DEEPEST: Final = 60
"""Operators inside operators."""

LARGEST: Final = 1e100
"""Of the result and of every step towards it."""

_ALPHABET: Final = frozenset("0123456789+-*/(). ")


def calculate(expression: str) -> str:
    """Return the value of `expression`, rounded to two decimals, as text: `"8276.23"`, `"5.0"`.

    Raises:
        RefusedError: It is not arithmetic, is too long, too deep or too large, or divides by zero.
    """
    if len(expression) > LONGEST:
        raise RefusedError(f"an expression of {len(expression)} characters is too long: send at most {LONGEST}")
    strange = sorted(set(expression) - _ALPHABET)
    if strange:
        raise RefusedError(f"{''.join(strange)!r} cannot be calculated with: use numbers, + - * / and brackets")
    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except (SyntaxError, MemoryError, RecursionError) as error:
        raise RefusedError(f"{expression!r} is not arithmetic: use numbers, + - * / and brackets") from error
    try:
        return str(round(float(_value(tree.body, DEEPEST)), 2))
    except ZeroDivisionError as error:
        raise RefusedError(f"{expression!r} divides by zero") from error


def _value(node: ast.expr, depth: int) -> float:
    if depth == 0:
        raise RefusedError(f"more than {DEEPEST} operators inside each other are too many: calculate it in parts")
    match node:
        case ast.Constant(value=int() | float() as number):
            return _bounded(number)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand, depth - 1)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, depth - 1)
        case ast.BinOp(left=left, op=op, right=right):
            return _bounded(_combined(op, _value(left, depth - 1), _value(right, depth - 1)))
        case _:
            raise RefusedError(f"{ast.unparse(node)!r} is not arithmetic: use numbers, + - * / and brackets")


def _combined(op: ast.operator, left: float, right: float) -> float:
    match op:
        case ast.Add():
            return left + right
        case ast.Sub():
            return left - right
        case ast.Mult():
            return left * right
        case ast.Div():
            return left / right
        case ast.FloorDiv():
            return left // right
        case ast.Pow():
            return _power(left, right)
        case _:
            raise RefusedError("only + - * / // and ** can be calculated with")


def _power(number: float, exponent: float) -> float:
    # Judged before it is taken: the power itself would be the expensive part.
    if number != 0 and exponent * math.log10(abs(number)) > math.log10(LARGEST):
        raise RefusedError(f"the power {exponent!r} is too large: results go up to {LARGEST!r}")
    if number < 0 and exponent != int(exponent):
        raise RefusedError(f"a negative number has no power {exponent!r} among the real numbers")
    result: float = number**exponent
    return result


def _bounded(number: float) -> float:
    if abs(number) > LARGEST:
        raise RefusedError(f"the result is too large: results go up to {LARGEST!r}")
    return number
