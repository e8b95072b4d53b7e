"""Contracts in the forms of others: contract files for code generators, OpenAPI documents, agent cards.

Pure functions from a service's description to a document and back. Nothing here runs a process or uses a network;
`importing` reads the files that it is given.
"""
