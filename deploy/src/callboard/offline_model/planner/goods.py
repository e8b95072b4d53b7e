"""Which goods are meant: items of an order by their words, variants of a product by what is wished for."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from callboard_contracts.inventory import v1 as inventory
from callboard_contracts.orders import v1 as orders

_SIZES: Final[Mapping[str, str]] = {
    "extra small": "XS",
    "extra large": "XL",
    "small": "S",
    "medium": "M",
    "large": "L",
}
_WEAK_NAMES: Final = frozenset({"set", "kit"})
_EVERYTHING: Final = re.compile(
    r"\b(?:everything|all (?:of )?(?:the |my )?(?:items?|things)|the whole order|all of it)\b", re.I
)


@dataclass(frozen=True)
class Want:
    """An item that is to be replaced, and the words for what should come in its place."""

    item: str
    wish: str


def wants(clause: str) -> list[Want]:
    """Take `exchange the X for a Y and the Z for a W` apart into its pairs."""
    body = re.sub(r"^.*?\b(?:exchange|swap|replace|modify|change|switch|update|upgrade)\b", "", clause, flags=re.I)
    body = re.split(r"\b(?:instead of|rather than)\b", body, flags=re.I)[0] if body.count(" for ") < 2 else body
    pairs: list[Want] = []
    for part in re.split(r"\band\s+(?=(?:the|my|a|an|one)\b[^,]*?\s(?:for|to|into|with)\s)", body, flags=re.I):
        halves = re.split(r"\s(?:for|to|into)\s", part, maxsplit=1) if re.search(r"\s(?:for|to|into)\s", part) else []
        halves = halves or re.split(r"\swith\s", part, maxsplit=1)
        if len(halves) == 2:
            wish = re.split(r"\b(?:instead of|rather than)\b", halves[1], flags=re.I)[0]
            pairs.append(Want(halves[0], wish))
    return pairs


def named(text: str, name: str) -> int:
    """Tell how well a text names a thing: 0 not at all, else how many words of the name are said."""
    said = _stems(text)
    words = [_stem(word) for word in re.findall(r"[\w']+", name)]
    head = words[-1] if words[-1] not in _WEAK_NAMES else words[0]
    compound = "".join(words)
    if compound in said:
        return len(words) + 1
    return sum(word in said for word in words) if head in said else 0


def meant(text: str, items: Sequence[orders.Item]) -> list[orders.Item]:
    """Find the items of an order that a text means: all, or those it names, narrowed by the options it says."""
    if _EVERYTHING.search(text):
        return list(items)
    found = [item for item in items if named(text, item.name)]
    chosen: list[orders.Item] = []
    for name in dict.fromkeys(item.name for item in found):
        alike = [item for item in found if item.name == name]
        said = requirements(text, [item.options for item in alike])
        fitting = [item for item in alike if _meets(item.options, said)]
        chosen.extend(fitting if len(fitting) < len(alike) and fitting else alike)
    return chosen


# A requirement is a set of options of which any one will do.
Requirement = frozenset[tuple[str, str]]


def requirements(text: str, options: Iterable[Mapping[str, str]]) -> list[Requirement]:
    """Read which of the existing options a text asks for; several values of one option are alternatives."""
    words = " ".join(_spoken(text))
    said: dict[str, set[tuple[str, str]]] = {}
    for key, value in sorted({pair for one in options for pair in one.items()}):
        if _says(words, key, value):
            said.setdefault(value, set()).add((key, value))
    # "black dial" speaks of the dial's colour, not of the strap's.
    for value, pairs in said.items():
        nearer = {pair for pair in pairs if f"{value.lower()} {pair[0].split()[0].lower()}" in words}
        said[value] = nearer or pairs
    by_keys: dict[frozenset[str], set[tuple[str, str]]] = {}
    for pairs in said.values():
        by_keys.setdefault(frozenset(key for key, _ in pairs), set()).update(pairs)
    return [frozenset(pairs) for pairs in by_keys.values()]


def choose(old: orders.Item, product: inventory.Product, wish: str) -> inventory.Variant | None:
    """Choose the variant that comes in an item's place: as wished, else as like the old one as can be, else cheap."""
    by_id = re.search(r"\b\d{10}\b", wish)
    if by_id:
        variant = product.variants.get(by_id[0])
        return variant if variant and variant.available else None
    said = requirements(wish, [variant.options for variant in product.variants.values()])
    fitting = [
        variant
        for variant in product.variants.values()
        if variant.available and variant.item_id != old.item_id and _meets(variant.options, said)
    ]
    if not said and not re.search(r"\b(?:cheapest|most expensive|other|another|different)\b", wish, re.I):
        return None
    if re.search(r"\bmost expensive\b", wish, re.I):
        return max(fitting, key=lambda variant: (variant.price, variant.item_id), default=None)
    if re.search(r"\bcheapest\b", wish, re.I):
        return min(fitting, key=lambda variant: (variant.price, variant.item_id), default=None)
    spoken_of = {key for one in said for key, _ in one}
    kept = {key: value for key, value in old.options.items() if key not in spoken_of}
    return min(
        fitting,
        key=lambda variant: (-len(kept.items() & variant.options.items()), variant.price, variant.item_id),
        default=None,
    )


def _meets(options: Mapping[str, str], said: Iterable[Requirement]) -> bool:
    return all(options.items() & one for one in said)


def _says(words: str, key: str, value: str) -> bool:
    """Tell whether a text asks for a value of an option."""
    spoken, of = value.lower(), re.escape(key.lower())
    match spoken:
        case "yes":
            return _has(words, of) and not _has(words, rf"(?:not|non|no) {of}")
        case "no":
            return _has(words, rf"(?:not|non|no) {of}")
        case "none":
            return _has(words, rf"(?:no|without) {of}")
        case _:
            pass
    if spoken.isdigit():
        number = re.escape(spoken)
        return _has(words, rf"{of} (?:of )?{number}|{number} {of.removesuffix('s')}s?")
    if value in _SIZES.values() or len(spoken) == 1:
        names = [spoken, *(name for name, size in _SIZES.items() if size == value)]
        bare = [re.escape(name) for name in names[1:]]
        return _has(words, rf"{of} {re.escape(spoken)}|{re.escape(spoken)} {of}") or any(
            _has(words, name) and not _has(words, f"extra {name}") for name in bare
        )
    return _has(words, r" ".join(re.escape(word) for word in _spoken(spoken)))


def _has(words: str, pattern: str) -> bool:
    return re.search(rf"(?<!\S)(?:{pattern})(?!\S)", words) is not None


def _spoken(text: str) -> list[str]:
    """Take a text apart into words as they are spoken, `13-inch` as `13 inch`."""
    return re.findall(r"[\w.%+#']*[\w%+]", text.lower().replace("-", " "))


def _stems(text: str) -> set[str]:
    """Take a text apart into word stems, and pairs of neighbours written as one."""
    words = [_stem(word) for word in re.findall(r"[\w']+", text.replace("-", ""))]
    return {*words, *("".join(pair) for pair in pairwise(words))}


def _stem(word: str) -> str:
    lower = word.lower()
    return lower[:-3] + "y" if lower.endswith("ies") else lower.removesuffix("s")
