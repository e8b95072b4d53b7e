"""Budgets of teams by day and month: set by people, held here, and taken by workers in blocks."""
