"""The example shop: made up from a seed, or read from a file, and held by the five teams."""

from callboard.example.generate import generate
from callboard.example.records import ExampleFileError, Records, collect, dump, fill, load

__all__ = ["ExampleFileError", "Records", "collect", "dump", "fill", "generate", "load"]
