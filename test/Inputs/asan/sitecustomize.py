"""Python that opens instrumented libraries has the sanitizer preloaded; the
programs that it starts have their own, or none."""

import os

os.environ.pop("LD_PRELOAD", None)
