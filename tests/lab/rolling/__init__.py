"""Builds of an agent that change while its runs go on."""
