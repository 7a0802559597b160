"""What `scripts/speed-models` measures and writes: a training step of every algorithm and critic, ours
and PyTorch's in turn.

    speed_models.py sample FOLDER PROGRAM    adds a line per pair of samples to FOLDER/pairs.jsonl
    speed_models.py table FOLDER             prints the report

A pair is one sample of each side, one right after the other, each in a fresh process; who goes first
alternates. The ratio is taken within a pair, so that what slows both alike drops out. A row that has
its rounds is not measured again: an interrupted sitting goes on where it stopped.
"""

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

ALGOS = ["td3", "sac"]
LIGHT = ["mlp-standard", "mlp-small", "q-d2rl"]
"""Critics of a few milliseconds, which are quick to repeat."""
CRITICS = ["mlp-standard", "mlp-small", "mlp-large", "resnet-features", "resnet35", "q-d2rl"]
CRITICS += ["sa-hyper", "as-hyper", "emb-hyper"]
THREADS = int(os.environ.get("THREADS", "2"))
PRECISION = os.environ.get("PRECISION", "fp32")
"""In what the critics' products compute: fp32, or bf16, beside PyTorch's autocast."""
WAIT = os.environ.get("PEER_WAIT", "default")
"""How PyTorch's threads wait for each other. They spin by default, which is made for an idle machine
and ruinous beside other processes; `passive` lets them sleep."""
PEER = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("torch_hyper.py"))]


def rounds_of(critic):
    """How often a row is measured."""
    light, heavy = int(os.environ.get("ROUNDS", "5")), int(os.environ.get("HEAVY_ROUNDS", "3"))
    return light if critic in LIGHT else heavy


def busy():
    """CPU seconds of the whole machine so far, niced work included (`/proc/stat`)."""
    user, nice, system, _idle, _wait, irq, softirq, steal = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def own():
    """CPU seconds of this process and its finished children."""
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def run(command, key="median"):
    """The milliseconds that a timing command prints, and the processors that others used meanwhile."""
    wait = {} if WAIT == "default" or command[0] != sys.executable else {"OMP_WAIT_POLICY": WAIT}
    before, mine, started = busy(), own(), time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **wait})
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr[-2000:]}")
    others = (busy() - before - own() + mine) / (time.perf_counter() - started)
    (timing,) = json.loads(done.stdout)
    return timing[key], max(0.0, others)


def pair(program, algo, critic, turn):
    """One sample of each side."""
    row = ["--algo", algo, "--critic", critic, "--precision", PRECISION, "--samples", "1", "--json"]
    work = ["--what", "train-step", "--env", "half-cheetah", "--threads", str(THREADS)]
    commands = {"ours": [program, *work, *row], "peer": [*PEER, str(THREADS), *row]}
    sides = sorted(commands, reverse=turn % 2 == 1)
    found = {side: run(commands[side]) for side in sides}
    times = {side: ms for side, (ms, _) in found.items()}
    others = statistics.mean(share for _, share in found.values())
    load = os.getloadavg()[0]
    return {"algo": algo, "critic": critic, **times, "others": others, "load": load}


def read(folder):
    """The pairs of each row, in the order they were measured."""
    rows = {(algo, critic): [] for algo in ALGOS for critic in CRITICS}
    file = Path(folder, "pairs.jsonl")
    for line in file.read_text().splitlines() if file.exists() else []:
        found = json.loads(line)
        rows[found["algo"], found["critic"]].append(found)
    return rows


def sample(folder, program):
    """Measures round by round, every row once in each, until all rows have theirs."""
    rows = read(folder)
    for turn in range(max(map(rounds_of, CRITICS))):
        for (algo, critic), pairs in rows.items():
            if len(pairs) > turn or turn >= rounds_of(critic):
                continue
            found = pair(program, algo, critic, turn)
            pairs.append(found)
            with open(Path(folder, "pairs.jsonl"), "a") as file:
                file.write(json.dumps(found) + "\n")
            print(f"round {turn + 1}: {algo} {critic}: {show(found)}", file=sys.stderr, flush=True)


def show(found):
    """A pair in words."""
    ratio = found["ours"] / found["peer"]
    return f"{found['ours']:.3g} ms, PyTorch {found['peer']:.3g} ms, {ratio:.2f}"


def number(milliseconds):
    """Three digits."""
    return f"{milliseconds:.0f}" if milliseconds >= 100 else f"{milliseconds:.3g}"


def ratios(pairs):
    """Median, smallest and largest ratio of a row."""
    each = [found["ours"] / found["peer"] for found in pairs]
    return statistics.median(each), min(each), max(each)


def line(algo, critic, pairs):
    """A row of the table."""
    peer, ours = (number(statistics.median(p[side] for p in pairs)) for side in ("peer", "ours"))
    middle, low, high = ratios(pairs)
    ratio = f"{middle:.2f} [{low:.2f}, {high:.2f}]"
    return f"| {algo} | {critic} | {peer} | {ours} | {ratio} | {len(pairs)} |"


def verdict(rows):
    """Which rows are slower than PyTorch, and how sure that is."""

    def names(test):
        return ", ".join(f"{a} {c}" for (a, c), pairs in rows.items() if test(*ratios(pairs)))

    slower, sure = names(lambda middle, *_: middle > 1), names(lambda _, low, __: low > 1)
    open_ = names(lambda middle, low, high: middle <= 1 < high)
    lines = [f"Slower than PyTorch here (median ratio above 1): {slower or 'none'}."]
    if slower:
        lines.append(f"Slower in every round: {sure or 'none'}.")
    lines.append(f"Faster in the median, but not in every round: {open_ or 'none'}.")
    return "\n".join(lines)


def completeness(rows):
    """A sentence where a row has fewer rounds than it should."""
    wanted = sum(rounds_of(critic) for _, critic in rows)
    found = sum(map(len, rows.values()))
    if found >= wanted:
        return ""
    return f"""
The sitting was stopped early, at {found} of {wanted} pairs: a row of one round has no spread, and none of
these ratios is settled.
"""


def processor():
    """The name of the CPU."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def matrix_units():
    """What it has for products, of what matters here."""
    flags = Path("/proc/cpuinfo").read_text().split()
    found = [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if name in flags]
    return ", ".join(found) or "none that is known here"


def libtorch():
    """Version of the libtorch that `make setup` fetches."""
    lock = Path(__file__).parents[2].joinpath("scripts/native.lock").read_text()
    return next(word.split("==")[1] for word in lock.split() if word.startswith("torch=="))


def remark(others):
    """What to think of so many processors used by others."""
    if others < 0.2:
        return "That is little."
    return """That is much:
  the milliseconds are those of a busy machine. The ratios are too: PyTorch's two threads meet within
  every operation and lose more by neighbours than ours, which meet a few times in an update. On an idle
  machine they may be higher; repeat the sitting there."""


def waiting():
    """How PyTorch's threads waited."""
    if WAIT == "default":
        return "PyTorch's threads wait as they do by default."
    return f"""PyTorch's threads wait with `OMP_WAIT_POLICY={WAIT}`. By default they spin, which is made
  for an idle machine; beside other processes it makes small networks twenty to thirty times slower, and
  the ratio would mean nothing."""


def machine(rows):
    """What was measured on, and what else ran."""
    pairs = [found for of_row in rows.values() for found in of_row]
    others, loads = ([found[key] for found in pairs] for key in ("others", "load"))
    used, cores = statistics.median(others), os.cpu_count()
    torch = version("torch").split("+")[0]
    return f"""- Machine: {processor()}, {cores} processors; {THREADS} threads on both sides.
- Matrix units of the processor: {matrix_units()}.
- PyTorch {torch}, Python {platform.python_version()}; ours: libtorch {libtorch()}.
- CPU that other processes used meanwhile: median {used:.1f} of {cores} processors [{min(others):.1f}, {max(others):.1f}];
  load average {min(loads):.1f} to {max(loads):.1f}, our share included. {remark(used)}
- {waiting()}"""


def table(folder):
    """Prints the report."""
    planned = read(folder)
    rows = {row: pairs for row, pairs in planned.items() if pairs}
    wait = "" if WAIT == "default" else f"PEER_WAIT={WAIT} "
    how, products = "", ""
    if PRECISION == "bf16":
        how, products = ", in bfloat16", """
The critics' products have factors in bfloat16: ours by `--precision bf16`, PyTorch's by `torch.autocast`."""
        wait += "PRECISION=bf16 "
    print(f"""# A training step beside PyTorch's, for every algorithm and critic{how}

`{wait}PEERS_PYTHON=… make speed-models` wrote this file: TD3 (batch 100; actor and
targets every second step) and SAC (batch 256) on half-cheetah's sizes with random data, drawing the batch
included.{products} Milliseconds are medians over rounds. A round times both in turn, each for two seconds at least;
the ratio is ours over PyTorch's within a round, below 1 where ours is faster: median [smallest, largest].

| algo | critic | PyTorch ms | ours ms | ratio | rounds |
|---|---|---|---|---|---|""")
    print(*(line(*row, pairs) for row, pairs in rows.items()), sep="\n")
    print(f"\n{verdict(rows)}\n{completeness(planned)}\n{machine(rows)}")
    print("""- PyTorch's side is `benches/peers/torch_hyper.py`, which `check_torch_hyper.py` beside it holds to the
  fixtures of our tests: the same losses and targets over three updates.""")


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    {"sample": sample, "table": table}[what](*rest)
