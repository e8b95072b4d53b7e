"""What an agent is made of, as digests: two that behave differently never have the same.

    fingerprint(AGENT).digest                 # one text for the whole configuration
    differing(fingerprint(old), fingerprint(new))   # ('instructions', 'tools.orders_v1__cancel.parameters')

No value can be read back from a fingerprint, so it may be logged, kept and sent where the configuration may not.
"""

from callboard_kit.fingerprint.form import FingerprintError
from callboard_kit.fingerprint.taking import IRRELEVANT, Fingerprint, Surroundings, differing, fingerprint

__all__ = ["IRRELEVANT", "Fingerprint", "FingerprintError", "Surroundings", "differing", "fingerprint"]
