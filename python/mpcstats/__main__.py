"""``python3 -m mpcstats FILE.py --plan --schema SCHEMA.json`` prints the plan of the program in a file."""

from __future__ import annotations

import argparse
import runpy
import sys
from pathlib import Path

from mpcstats.errors import ProgramError
from mpcstats.program import Program


def main() -> int:
    """Traces the program of a file and prints its plan, or what the plan does and costs."""
    parser = argparse.ArgumentParser(prog="python3 -m mpcstats", description=__doc__)
    parser.add_argument("file", help="a Python file with one @ms.program")
    parser.add_argument("--schema", required=True, help="a JSON file: the survey's data sets and columns")
    parser.add_argument("--name", help="which program, if the file has several")
    parser.add_argument("--plan", action="store_true", help="print the plan's canonical JSON")
    parser.add_argument("--explain", action="store_true", help="print what the plan does, reveals and costs")
    parser.add_argument("--rows", type=int, help="for how many rows --explain tells the cost")
    arguments = parser.parse_args()
    found = {
        name: value for name, value in runpy.run_path(arguments.file).items() if isinstance(value, Program)
    }
    names = [arguments.name] if arguments.name else list(found)
    if len(names) != 1 or names[0] not in found:
        print(f"{arguments.file} has these programs: {', '.join(found) or 'none'}; choose one with --name", file=sys.stderr)
        return 2
    try:
        schema = Path(arguments.schema).read_text() if arguments.schema != "-" else sys.stdin.read()
        if arguments.explain:
            print(found[names[0]].explain(schema, rows=arguments.rows))
        else:
            print(found[names[0]].plan(schema))
    except (ProgramError, OSError, ValueError) as error:
        print(f"{arguments.file}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
