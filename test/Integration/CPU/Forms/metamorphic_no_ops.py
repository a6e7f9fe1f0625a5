# RUN: %python -W error %s %src_root
# UNSUPPORTED: asan
"""Inserted nodes that do nothing never matter to the raise."""

from Inputs import metamorphic
from Inputs import rewrites as r


class NoOpsTest(metamorphic.MetamorphicTest):
    GROUPS = ([r.insert_identities, r.insert_casts, r.insert_reshapes, r.rename, r.delay],)


if __name__ == "__main__":
    metamorphic.main()
