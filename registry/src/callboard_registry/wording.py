"""Words of texts and of questions, in the form in which they are compared."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MOST_WORDS: Final = 20
"""Words of a question that are looked at."""

_LONGEST_WORD: Final = 60
_SHORTEST_BEGINNING: Final = 4
"""Letters that the beginning of a word needs to have to stand for all that begin like it."""

_ENDINGS: Final = ("ations", "ation", "ings", "ing", "ies", "ied", "ers", "er", "ed", "es", "s", "y", "e")

_FILLERS: Final = frozenset(
    [
        "a",
        "about",
        "again",
        "all",
        "am",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "because",
        "been",
        "but",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "don",
        "for",
        "from",
        "get",
        "got",
        "had",
        "has",
        "have",
        "he",
        "her",
        "here",
        "him",
        "his",
        "how",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "just",
        "like",
        "ll",
        "m",
        "made",
        "make",
        "may",
        "me",
        "might",
        "mine",
        "must",
        "my",
        "need",
        "no",
        "not",
        "of",
        "off",
        "on",
        "or",
        "our",
        "out",
        "over",
        "please",
        "re",
        "s",
        "shall",
        "she",
        "should",
        "so",
        "some",
        "someone",
        "something",
        "t",
        "than",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "through",
        "to",
        "too",
        "up",
        "us",
        "ve",
        "want",
        "wants",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "who",
        "whom",
        "whose",
        "why",
        "will",
        "with",
        "would",
        "yes",
        "you",
        "your",
    ]
)
"""Words that say nothing of what an operation does."""

_SAME: Final = (
    ("change", "modify", "update", "edit", "replace"),
    ("find", "search", "look", "lookup"),
    ("delete", "remove"),
    ("create", "add", "new"),
    ("exchange", "swap"),
    ("sum", "total", "calculate"),
    ("price", "cost"),
    ("shipment", "parcel", "package"),
    ("person", "human"),
    ("email", "mail"),
)
"""Words that operations and those who look for them use for the same thing."""


@dataclass(frozen=True)
class Wanted:
    """One word of a question."""

    word: str
    beginning: str
    """The word without its ending: whatever begins like this is meant too."""

    same: tuple[str, ...] = ()
    """Beginnings of words for the same thing."""

    @property
    def exact(self) -> bool:
        """Whether it is too short to stand for words that begin like it."""
        return len(self.word) < _SHORTEST_BEGINNING


def words_in(said: str) -> Iterator[str]:
    """Yield the words in a text as they are looked for: lower case, `orderId` and `order_id` being two words each."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", said)
    for word in re.findall(r"[^\W_]+", apart):
        yield word.lower()[:_LONGEST_WORD]


def wanted_by(question: str) -> list[Wanted]:
    """Return the words of a question that say what is wanted; of one that has none but fillers, those."""
    words = list(dict.fromkeys(words_in(question)))
    telling = [word for word in words if word not in _FILLERS] or words
    return [Wanted(word, _beginning(word), _OTHERS.get(_beginning(word), ())) for word in telling[:MOST_WORDS]]


def _beginning(word: str) -> str:
    """Return a word without its ending: `cancelling` and `cancellation` begin like `cancel`."""
    if not word.isascii():
        return word
    for ending in _ENDINGS:
        bare = word.removesuffix(ending)
        if bare != word and len(bare) >= _SHORTEST_BEGINNING:
            doubled = len(bare) > _SHORTEST_BEGINNING and bare[-1] == bare[-2] and bare[-1] not in "s"
            return bare[:-1] if doubled and ending[0] in "aeiy" else bare
    return word


_OTHERS: Final = {
    _beginning(word): tuple(_beginning(other) for other in group if other != word) for group in _SAME for word in group
}
