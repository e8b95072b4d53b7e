"""What a person must agree to before it happens: policies, questions to the inbox, answers that prove who gave them."""

from callboard_kit.approvals.policies import (
    AllowListed,
    ApprovalPolicy,
    ApprovalRule,
    AskForAll,
    AskForEffects,
    Automatic,
    ByFunction,
    ByRules,
    Judgement,
)
from callboard_kit.approvals.terms import Demand, Escalation, Proposal, Terms, When

__all__ = [
    "AllowListed",
    "ApprovalPolicy",
    "ApprovalRule",
    "AskForAll",
    "AskForEffects",
    "Automatic",
    "ByFunction",
    "ByRules",
    "Demand",
    "Escalation",
    "Judgement",
    "Proposal",
    "Terms",
    "When",
]
