"""What `scripts/speed-models pearl` measures and writes: an update of PEARL, ours and PyTorch's two ways in turn.

    speed_pearl.py sample FOLDER PROGRAM    adds a line per round to FOLDER/rounds.jsonl
    speed_pearl.py table FOLDER             prints the report

A round is one sample of each side, one right after the other, each in a fresh process; who goes first
changes from round to round. Ratios are taken within a round, so that what slows all alike drops out.
"""

import json
import os
import statistics
import sys
from pathlib import Path

from speed_models import THREADS, machine, number, run

ROUNDS = {"pearl": int(os.environ.get("ROUNDS", "7"))}
ROUNDS["hyper-pearl"] = int(os.environ.get("HEAVY_ROUNDS", "3"))
PEER = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("torch_pearl.py"))]
WAYS = ["authors", "idiomatic"]
BARS = {"pearl": 0.6, "hyper-pearl": 0.85}
"""What we set ourselves, of the authors' way."""


def a_round(program, model, turn):
    """One sample of each side."""
    row = ["--model", model, "--samples", "1", "--json"]
    work = ["--what", "pearl-step", "--threads", str(THREADS)]
    commands = {"ours": [program, *work, *row]}
    commands |= {way: [*PEER, str(THREADS), "--way", way, *row] for way in WAYS}
    sides = list(commands)
    first = turn % len(sides)
    found = {side: run(commands[side], "milliseconds") for side in sides[first:] + sides[:first]}
    others = statistics.mean(share for _, share in found.values())
    times = {side: ms for side, (ms, _) in found.items()}
    return {"model": model, **times, "others": others, "load": os.getloadavg()[0]}


def read(folder):
    """The rounds of each model, in the order they were measured."""
    rows = {model: [] for model in ROUNDS}
    file = Path(folder, "rounds.jsonl")
    for line in file.read_text().splitlines() if file.exists() else []:
        found = json.loads(line)
        rows[found["model"]].append(found)
    return rows


def sample(folder, program):
    """Measures what is missing."""
    for model, rounds in read(folder).items():
        for turn in range(len(rounds), ROUNDS[model]):
            found = a_round(program, model, turn)
            with open(Path(folder, "rounds.jsonl"), "a") as file:
                file.write(json.dumps(found) + "\n")
            sides = ", ".join(f"{side} {number(found[side])} ms" for side in ["ours", *WAYS])
            print(f"round {turn + 1}: {model}: {sides}", file=sys.stderr, flush=True)


def ratio(rounds, way):
    """Median, smallest and largest of ours over PyTorch's."""
    each = [found["ours"] / found[way] for found in rounds]
    return statistics.median(each), min(each), max(each)


def line(model, rounds):
    """A row of the table."""
    times = [number(statistics.median(f[side] for f in rounds)) for side in [*WAYS, "ours"]]
    ratios = ["{:.2f} [{:.2f}, {:.2f}]".format(*ratio(rounds, way)) for way in WAYS]
    return f"| {' | '.join([model, *times, *ratios, f'{BARS[model]:.2f}', str(len(rounds))])} |"


def verdict(model, rounds):
    """Whether the bar was reached, in words."""
    middle, low, high = ratio(rounds, "authors")
    bar = BARS[model]
    if high <= bar:
        how = "reached in every round"
    elif low > bar:
        how = "not reached in any round"
    else:
        how = ("reached" if middle <= bar else "not reached") + " in the median, not settled by rounds"
    return f"- {model}: at most {bar:.2f} of the authors' way is {how}."


def table(folder):
    """Prints the report."""
    planned = read(folder)
    rows = {model: rounds for model, rounds in planned.items() if rounds}
    print("""# An update of PEARL beside PyTorch's

`PEERS_PYTHON=… make speed-pearl` wrote this file: one gradient step of all networks on 16 tasks of 256 rows
and 100 transitions of context each (half-cheetah-vel's sizes, random data), the drawing of noise included.
Milliseconds are medians over rounds, each of two seconds at least; ratios are ours over PyTorch's within a
round, below 1 where ours is faster: median [smallest, largest].

| model | PyTorch, authors' way, ms | PyTorch, idiomatic, ms | ours, ms | ours / authors' way | ours / idiomatic | bar | rounds |
|---|---|---|---|---|---|---|---|""")
    print(*(line(*row) for row in rows.items()), sep="\n")
    print("\nThe bar is what we set ourselves, of the authors' way.\n")
    print(*(verdict(*row) for row in rows.items()), sep="\n")
    print(f"\n{machine(rows)}")
    print("""- Our programs tell the C library to keep freed memory (`src/nn/memory.rs`); PyTorch's does as usual.
- PyTorch's side is `benches/peers/torch_pearl.py`, which says what both ways are;
  `check_torch_pearl.py` beside it holds both to the fixtures of our tests: the same losses over two updates.""")


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    {"sample": sample, "table": table}[what](*rest)
