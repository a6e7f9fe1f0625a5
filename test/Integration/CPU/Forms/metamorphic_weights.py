# RUN: %python -W error %s %src_root
# UNSUPPORTED: asan
"""How matrices lie in the file never matters to the raise."""

from Inputs import metamorphic
from Inputs import rewrites as r


class WeightsTest(metamorphic.MetamorphicTest):
    GROUPS = ([r.transpose_weights, r.join_gemms, r.insert_reshapes, r.shuffle],)


if __name__ == "__main__":
    metamorphic.main()
