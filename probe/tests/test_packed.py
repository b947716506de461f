"""Packed steps against the vectors that both languages share."""

from __future__ import annotations

import json
import pathlib
import unittest

from afdscope_probe.packed import aligned, encode_step
from afdscope_probe.packed_bytes import bits

from .vectors import one_by_one, random_step

FOLDER = pathlib.Path(__file__).parents[2] / "test" / "vectors" / "packed"


class Vectors(unittest.TestCase):
    def test_the_full_encoder_writes_what_the_typescript_encoder_writes(self) -> None:
        said = json.loads((FOLDER / "simulated-step.json").read_text(encoding="utf-8"))
        columns = one_by_one(said["step"], said["events"])
        self.assertEqual(encode_step(columns, full=True), (FOLDER / "simulated-step.bin").read_bytes())

    def test_the_smallest_vectors_leave_no_choice(self) -> None:
        for name in ("no-events", "no-step"):
            said = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
            columns = one_by_one(said["step"], said["events"])
            if name == "no-events":
                self.assertEqual(encode_step(columns), (FOLDER / f"{name}.bin").read_bytes())
                self.assertEqual(encode_step(columns, full=True), (FOLDER / f"{name}.bin").read_bytes())
            else:
                # One event: with or without deltas its start takes the same.
                size = (FOLDER / f"{name}.bin").stat().st_size
                self.assertLessEqual(len(encode_step(columns)), size)
                self.assertLessEqual(len(encode_step(columns, full=True)), size)


class Bits(unittest.TestCase):
    def test_every_width_as_the_format_says(self) -> None:
        import random

        rnd = random.Random(3)
        for width in range(1, 54):
            for rows in (1, 2, 7, 8, 61, 255, 256, 257, 600):
                values = [rnd.randrange(1 << width) for _ in range(rows)]
                whole = sum(value << width * i for i, value in enumerate(values))
                self.assertEqual(bits(values, width), whole.to_bytes((rows * width + 7) // 8, "little"))

    def test_ends_are_aligned_as_the_format_says(self) -> None:
        from array import array

        for have in (1, 2, 5):
            ends = array("q", range(100, 100 + have))
            for rows in (1, 2, 4, 9):
                for shift in range(-7, 8):
                    wanted = [ends[max(0, min(have - 1, i - shift))] for i in range(rows)]
                    self.assertEqual(list(aligned(ends, rows, shift)), wanted, (have, rows, shift))


class RandomSteps(unittest.TestCase):
    def test_encode_and_are_the_same_again(self) -> None:
        import random

        self.assertEqual(random_step(random.Random(1)), random_step(random.Random(1)))


if __name__ == "__main__":
    unittest.main()
