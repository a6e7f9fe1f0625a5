# RUN: %python -W error %s %src_root
# UNSUPPORTED: asan
"""Names, order and spelling of nodes never matter to the raise."""

from Inputs import metamorphic
from Inputs import rewrites as r


class SpellingTest(metamorphic.MetamorphicTest):
    GROUPS = (
        [
            r.use_swish,
            r.move_constants,
            r.split_gemms,
            r.swap_operands,
            r.rename,
            r.shuffle,
        ],
    )


if __name__ == "__main__":
    metamorphic.main()
