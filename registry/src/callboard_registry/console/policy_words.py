"""What a rule of a policy says about an operation, as sentences."""

from callboard_kit.approvals.terms import Demand
from callboard_kit.persons import ANYONE as ANY_PERSON
from callboard_kit.policy import ANYONE, Rule
from callboard_registry.console.rendering import span


def in_words(rule: Rule, effect: str) -> str:
    """Return who may call, on whose behalf, and what they do not see."""
    who = "every team" if ANYONE in rule.callers else listed(rule.callers)
    sentence = f"{who} may call it"
    if rule.on_behalf_of is not None:
        whom = "anyone" if ANYONE in rule.on_behalf_of else listed(rule.on_behalf_of)
        sentence += f", on behalf of {whom}"
    elif effect != "read":
        sentence += ", on nobody else's behalf" if len(rule.callers) == 1 else ", on behalf of each other"
    if rule.hide:
        sentence += f", without seeing {listed(rule.hide)}"
    return f"{sentence} ({rule.name})"


def demanded(rule: Rule) -> str:
    """Return what a person has to agree to, and what happens when nobody answers; empty where nobody is asked."""
    demand = rule.approval
    if demand is None:
        return ""
    sentence = f"{_persons(demand.approvers)} must agree first{_when(demand)}, within {span(demand.patience)}"
    if demand.then == "escalate" and demand.escalation is not None:
        others = demand.escalation
        sentence += f"; then {_persons(others.approvers)}, within {span(others.patience)}; else it does not happen"
    elif demand.then == "proceed":
        sentence += "; else it happens without them"
    else:
        sentence += "; else it does not happen"
    return f"{sentence} ({rule.name})"


def listed(names: tuple[str, ...]) -> str:
    """Return names as a sentence has them."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _persons(approvers: tuple[str, ...]) -> str:
    if ANY_PERSON in approvers:
        return "somebody who may answer questions"
    return listed(
        tuple(f"somebody of {name.removeprefix('role:')}" if name.startswith("role:") else name for name in approvers)
    )


def _when(demand: Demand) -> str:
    conditions: list[str] = []
    if demand.field is not None:
        bounds = [
            *([f"above {demand.above:g}"] if demand.above is not None else []),
            *([f"below {demand.below:g}"] if demand.below is not None else []),
        ]
        conditions.append(f"{demand.field} is {' or '.join(bounds)}")
    if demand.data_classes:
        conditions.append(f"it holds data of class {listed(demand.data_classes)}")
    return f" where {' and '.join(conditions)}" if conditions else ""
