# RUN: %model_python -W error %s
# UNSUPPORTED: asan
"""Layers in spellings beside those of forms.py are raised, proven, and equal to
ONNX Runtime."""

import unittest

from Inputs.spellings import FORMS, compute, forms_of_rank


class SpellingsTest(unittest.TestCase):
    def test_all_are_raised(self):
        for rank in (2, 3):
            forms = forms_of_rank(rank)
            said = compute(self, forms)
            for name in forms:
                with self.subTest(name=name, said=said[name]):
                    self.assertRegex(said[name], r": raised: 4 experts.*is proven")
                    self.assertEqual(len(said[name].splitlines()), 1)
        self.assertEqual(len(FORMS), 19)
        print(f"{len(FORMS)} spellings")


if __name__ == "__main__":
    unittest.main()
