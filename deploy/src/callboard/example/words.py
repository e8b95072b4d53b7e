"""What the example shop is made of: names, streets, places and goods, all invented for it."""

from collections.abc import Mapping, Sequence
from typing import Final

FIRST_NAMES: Final[Sequence[str]] = (
    "Ada", "Bela", "Cora", "Dario", "Edda", "Faris", "Greta", "Hanno", "Imke", "Joris",
    "Kaya", "Lorin", "Marit", "Nilo", "Oona", "Pavel", "Runa", "Selim", "Thea", "Urs",
    "Vera", "Wanda", "Xenia", "Yara", "Zeno",
)  # fmt: skip

LAST_NAMES: Final[Sequence[str]] = (
    "Abel", "Bergmann", "Castell", "Dorn", "Ekberg", "Falk", "Grimaldi", "Holm", "Isager", "Janda",
    "Kessler", "Lindqvist", "Moreau", "Novak", "Okafor", "Petrov", "Quist", "Rossetti", "Sander", "Toivonen",
    "Ullman", "Varga", "Winter", "Yilmaz", "Zander",
)  # fmt: skip

STREETS: Final[Sequence[str]] = (
    "Lantern Street", "Mill Lane", "Orchard Row", "Harbour Road", "Chapel Hill", "Foundry Way",
    "Willow Avenue", "Station Road", "Quarry Street", "Bridge Lane", "Garden Terrace", "Signal Drive",
)  # fmt: skip

PLACES: Final[Sequence[tuple[str, str, str]]] = (
    ("Portland", "OR", "972"), ("Boise", "ID", "837"), ("Madison", "WI", "537"), ("Savannah", "GA", "314"),
    ("Tucson", "AZ", "857"), ("Albany", "NY", "122"), ("Duluth", "MN", "558"), ("Lincoln", "NE", "685"),
    ("Mobile", "AL", "366"), ("Spokane", "WA", "992"), ("Toledo", "OH", "436"), ("Reno", "NV", "895"),
)  # fmt: skip
"""City, state and the first three digits of its zip codes."""

CARD_BRANDS: Final[Sequence[str]] = ("visa", "mastercard")

GOODS: Final[Mapping[str, tuple[float, Mapping[str, Sequence[str]]]]] = {
    "Desk Lamp": (
        48.0,
        {"colour": ("brass", "white", "graphite"), "base": ("clamp", "round"), "dimmable": ("yes", "no")},
    ),
    "Rain Jacket": (
        129.0,
        {"size": ("S", "M", "L", "XL"), "colour": ("moss", "navy", "rust"), "lining": ("mesh", "none")},
    ),
    "Teapot": (39.0, {"capacity": ("600ml", "900ml", "1200ml"), "material": ("cast iron", "porcelain", "glass")}),
    "Field Notebook": (14.0, {"format": ("A6", "A5"), "ruling": ("dotted", "plain", "lined"), "pack": ("1", "3")}),
    "Bicycle Pump": (34.0, {"valve": ("presta", "schrader", "both"), "gauge": ("yes", "no")}),
    "Wool Blanket": (89.0, {"size": ("single", "double"), "pattern": ("herringbone", "plain", "checked")}),
    "Kitchen Scale": (29.0, {"range": ("3kg", "5kg", "10kg"), "display": ("backlit", "plain")}),
    "Hiking Pole": (
        64.0,
        {"material": ("aluminium", "carbon"), "lock": ("lever", "twist"), "length": ("120cm", "135cm")},
    ),
    "Portable Radio": (74.0, {"power": ("battery", "solar", "mains"), "colour": ("cream", "black")}),
    "Chess Set": (58.0, {"material": ("walnut", "maple", "resin"), "board": ("folding", "rigid")}),
    "Watering Can": (27.0, {"capacity": ("2L", "5L", "9L"), "colour": ("green", "zinc")}),
    "Reading Glasses": (32.0, {"strength": ("+1.0", "+1.5", "+2.0"), "frame": ("round", "square")}),
    "Camping Stove": (96.0, {"fuel": ("gas", "multi-fuel"), "burners": ("1", "2"), "case": ("yes", "no")}),
    "Door Mat": (24.0, {"material": ("coir", "rubber"), "size": ("small", "large")}),
    "Headlamp": (44.0, {"brightness": ("200lm", "400lm", "800lm"), "charging": ("usb-c", "batteries")}),
    "Picnic Basket": (71.0, {"persons": ("2", "4"), "insulated": ("yes", "no"), "weave": ("willow", "rattan")}),
}
"""Product name → a middle price in dollars and what its variants differ in."""
