# REQUIRES: slow
# RUN: %python -W error %s %src_root
"""Each rewrite that never matters to the raise, alone, and all together."""

from Inputs import metamorphic
from Inputs import rewrites as r


class EachTest(metamorphic.MetamorphicTest):
    GROUPS = (
        *([rewrite] for rewrite in r.REWRITES),
        r.REWRITES[::-1],
    )


if __name__ == "__main__":
    metamorphic.main()
