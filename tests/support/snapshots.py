#!/usr/bin/env python3
"""snapshots.py REFERENCES: names every stored snapshot that no test has asked for, and every one left unreviewed.

insta appends the path of each snapshot that a test compares to the file that INSTA_SNAPSHOT_REFERENCES_FILE names;
a stored one that is missing there belongs to a test that is gone.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def stored(ending):
    return {path.resolve() for folder in ("src", "tests") for path in (ROOT / folder).rglob(f"*{ending}")}


def main(references):
    # No file at all: no test compared a snapshot.
    lines = references.read_text().splitlines() if references.exists() else []
    # A relative path is relative to the crate, where its tests run.
    used = {(ROOT / line).resolve() for line in lines}
    # Whose cases are left out where their databases are not there.
    outside = () if os.environ.get("DIGLOT_TEST_DATA") else ("chinook", "pagila")
    used |= {path for path in stored(".snap") if path.parent.name in outside}
    findings = [f"no test uses {path.relative_to(ROOT)}" for path in sorted(stored(".snap") - used)]
    findings += [f"not reviewed: {path.relative_to(ROOT)}" for path in sorted(stored(".snap.new"))]
    print("\n".join(findings + [f"{len(stored('.snap'))} snapshots, {len(findings)} findings"]))
    return 1 if findings else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1])))
