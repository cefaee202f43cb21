"""Mend a virtual environment whose folder was copied or moved: its programs still name the folder it was made in."""

import re
import sys
from pathlib import Path

# How pip starts a program: "#!/folder/bin/python3", or by way of sh where that is too long or has a space in it.
STARTS = re.compile(
    rb"#!(/[^\n]*)/bin/python[\d.]*\n|#!/bin/sh\n'''exec' \"?(/[^\n]*)/bin/python[\d.]*\"? [^\n]*\n' '''\n"
)
BY_SH = b"#!/bin/sh\n'''exec' \"%s/bin/python\" \"$0\" \"$@\"\n' '''\n"


def relocate(environment: Path) -> list[str]:
    """Return the names of the programs that named another folder; each now starts the environment's own Python."""
    here = str(environment.absolute()).encode()
    mended = []
    for program in sorted((environment / "bin").iterdir()):
        text = b"" if program.is_symlink() or not program.is_file() else program.read_bytes()
        found = STARTS.match(text)
        if found and here not in found.groups():
            program.write_bytes(BY_SH % here + text[found.end() :])
            mended.append(program.name)
    return mended


if __name__ == "__main__":
    relocate(Path(sys.argv[1]))
