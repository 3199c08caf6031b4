"""The cases of the OCI distribution specification 1.1 and of its official conformance suite.

Written anew from spec.md (v1.1.1) and conformance/ (the suite of v1.1.1, and the later one where it
asks for nothing that is not in 1.1). A case is a function that asks one side and asserts; it knows
nothing of Layergate, so that the same case judges a bare registry and one behind the gate.

Left out: sha512, which registry 2.8.2 lacks and a proxy can't add; `?tag=` and `digest-algorithm=`,
which came after 1.1.
"""

from . import discovery, management, manifests, pull, referrers, uploads
from .case import Case, NotSetUp, Side

CASES: list[Case] = [
    case
    for module in (pull, uploads, manifests, discovery, referrers, management)
    for case in module.TABLE.cases
]

__all__ = ["CASES", "Case", "NotSetUp", "Side"]
