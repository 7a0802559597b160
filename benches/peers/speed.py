"""The measurements of `scripts/speed`: `speed.py train|loop|steps|product FILE` adds lines to FILE, `speed.py memory FILE KEY COMMAND…` the
peak memory of a command, and `speed.py table FOLDER` prints the report."""
import contextlib, glob, json, os, platform, statistics as st, subprocess, sys, time
from importlib.metadata import version
ENVS = {"half-cheetah": "HalfCheetah-v5", "hopper": "Hopper-v5", "walker2d": "Walker2d-v5", "ant": "Ant-v5"}
HORIZON, JOBS = 688, 225
LAB_OVER_PAPER = 1.1  # "no more per rollout", and what two timings of the same differ by

def put(path, key, values):
    with open(path, "a") as f: f.write(json.dumps({"key": key, "values": values}) + "\n")

def train(path):
    import torch
    from torch_hyper import agent, random_replay
    torch.set_num_threads(2); torch.manual_seed(0)
    rb = random_replay(rows=200_000)
    for key, n in (("sa-hyper", 8), ("mlp-standard", 100)):
        learner = agent("td3", key)
        for _ in range(4): learner.step(rb)
        v = []
        for _ in range(3):
            t = time.perf_counter()
            for _ in range(n): learner.step(rb)
            v.append((time.perf_counter() - t) / n * 1e3)
        put(path, key, v)

def loop(path):
    os.environ.update(PEERS_LOOP_ONLY="1", PEERS_STEPS="3100", PERF_RES=os.devnull, PERF_WAIT="0")
    sys.argv = ["bench_sb3.py", "sbx", "td3", "2"]
    import common
    def rec(name, vals, unit, **kw): put(path, "loop", vals)
    common.rec = rec
    import bench_sb3

def steps(path):
    from bench_env import roll
    for env, name in ENVS.items():
        f = roll(name, 2, nb=JOBS); f(); put(path, env, [f() for _ in range(3)])
    f = roll("HalfCheetah-v5", 2, nb=JOBS, nenv=HORIZON)
    put(path, "long", [f()])

def product(path):
    """the matrix product of our `benches/timing --what matrix-product`, in PyTorch: a libtorch without OpenBLAS beside it"""
    import torch
    torch.set_num_threads(1)
    a, b = torch.ones(100, 1024), torch.ones(1024, 1024)
    def f(n):
        t = time.perf_counter()
        for _ in range(n): a @ b
        return (time.perf_counter() - t) / n * 1e3
    f(100); put(path, "product", [f(500) for _ in range(3)])

def memory(path):
    """MB, the kernel's peak of resident memory; this process stays small, for its own peak up to the fork counts too"""
    key, command = sys.argv[3], sys.argv[4:]
    _, status, usage = os.wait4(subprocess.Popen(command, stdout=sys.stderr).pid, 0)
    if status: sys.exit(f"{command[0]} failed")
    put(path, key, [usage.ru_maxrss * 1024 / 1e6])

def read(folder):
    """median of each key; ours under what/env/model"""
    all = {}
    for line in open(os.path.join(folder, "peers.jsonl")):
        x = json.loads(line); all.setdefault(x["key"], []).extend(x["values"])
    for name in sorted(os.listdir(folder)):
        if not name.startswith("ours-"): continue
        for x in json.load(open(os.path.join(folder, name))):
            key = "/".join(filter(None, (x["what"], x.get("env"), x.get("model"), x.get("mode"))))
            all.setdefault(key, []).append(x["median"])
    return all

def table(folder):
    m = {k: (st.median(v), min(v), max(v)) for k, v in read(folder).items()}
    show = lambda x: f"{x:,.0f}".replace(",", " ") if x >= 1000 else f"{x:.3g}"
    cell = lambda k, unit: f"{show(m[k][0])} {unit} [{show(m[k][1])} … {show(m[k][2])}]"
    rows = []
    def row(work, peer, their, ours, unit, bar, faster=False, scale=None):
        theirs = m[their][0] if scale is None else scale / m[their][0]
        ratio = m[ours][0] / theirs
        met = ratio >= bar if faster else ratio <= bar
        shown = cell(their, unit) if scale is None else f"{show(theirs)} {unit}"
        rows.append(f"| {work} | {peer}: {shown} | {cell(ours, unit)} | {ratio:.2f} | {'≥' if faster else '≤'} {bar:.2f} | {'yes' if met else '**no**'} |")
    row("TD3 step, SA-Hyper, half-cheetah", "PyTorch", "sa-hyper", "train-step/half-cheetah/sa-hyper", "ms", .80)
    row("TD3 step, MLP-Standard, half-cheetah", "PyTorch", "mlp-standard", "train-step/half-cheetah/mlp-standard", "ms", .70)
    row("TD3 loop with environment, MLP-Standard, half-cheetah", "SBX", "loop", "train-loop/half-cheetah/mlp-standard", "1/s", 1., True)
    for env in ENVS: row(f"rollouts with policy, {env}", "`mujoco.rollout`", env, f"rollout-steps/{env}", "1/s", .85, True)
    total, paper = HORIZON * JOBS, "evaluation/half-cheetah/sa-hyper/paper"
    row(f"one evaluation, half-cheetah, SA-Hyper, {show(total)} steps", "`mujoco.rollout`, rate of 50-step rollouts", "half-cheetah", paper, "s", 1.3, scale=total)
    row("the same", f"`mujoco.rollout`, {HORIZON}-step rollouts", "long", paper, "s", 1.3, scale=total)
    row("matrix product 100 × 1024 × 1024, f32, one thread", "PyTorch, without OpenBLAS", "product", "matrix-product", "ms", 1.1)
    limits = []
    def limit(work, key, unit, bar):
        limits.append(f"| {work} | {cell(key, unit)} | ≤ {show(bar)} {unit} | {'yes' if m[key][0] <= bar else '**no**'} |")
    limit("peak memory, training SA-Hyper on half-cheetah, replay full at a million rows", "train-memory", "MB", 1500)
    limit("peak memory, evaluating that checkpoint in paper mode", "evaluation-memory", "MB", 500)
    limit("jackknife and bootstrap (10 000) of 1000 states", "intervals", "s", 1)
    limit("evaluation in lab mode over paper mode, per step of a rollout, in neighbouring pairs", "evaluation-ratio/half-cheetah/sa-hyper", "×", LAB_OVER_PAPER)
    cpu = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), platform.machine())
    libs = ", ".join(f"{p} {version(p)}" for p in ("torch", "mujoco", "gymnasium", "sbx-rl", "jax"))
    rounds, load = open(os.path.join(folder, "load")).read().split()
    (manifest,) = glob.glob(os.path.join(folder, "runs/*/step-*/manifest.json"))
    ours = json.load(open(manifest))["versions"]
    remark = ("That is much: the two-thread figures of both sides suffer, not always equally. Repeat the sitting on an idle machine before\n"
              "  drawing conclusions from a near miss.") if float(load) > .2 else ("That is little; what other guests of the same host take\n"
              "  is not seen here and slows both sides in turn, so read a ratio beside the spread of both.")
    print(f"""# Speed beside the peers

`PEERS_PYTHON=… make speed` wrote this file: {rounds} rounds in one sitting, ours and the peers' in turn; medians [smallest … largest].
The ratio is ours over the peer's: of times (smaller is better) or of rates (larger is better).

| work | peer | ours | ratio | bar | reached? |
|---|---|---|---|---|---|
""" + "\n".join(rows) + """

Without a peer:

| work | ours | limit | reached? |
|---|---|---|---|
""" + "\n".join(limits) + f"""

- Machine: {cpu}, {os.cpu_count()} processors; two threads on both sides; batch 100.
- Ours: MuJoCo {ours["mujoco"]}, libtorch {ours["libtorch"]}. Peers: Python {platform.python_version()}, {libs}.
- CPU that other processes used meanwhile: {load} of {os.cpu_count()} processors. {remark}
- `mujoco.rollout` is open loop and physics alone; ours runs the policy's network and computes observation, reward and end besides.
  Both apply uniformly random actions, {JOBS} rollouts of 50 steps from a reset state; the robots that may fall end their rollout with us and go on there.
- One evaluation: 15 states × 15 first actions × {HORIZON} steps; critic's gradient, both fits and their comparison included. In lab mode:
  10 states × 24 first actions, from the same five reset states in equal shares, in turn with the paper's.
- Memory is the kernel's peak of resident memory. The training fills its replay with random actions, makes two updates, and saves a
  checkpoint and its resume point.""")

if __name__ == "__main__":
    what, path = sys.argv[1:3]
    with contextlib.redirect_stdout(sys.stdout if what == "table" else sys.stderr):
        {"train": train, "loop": loop, "steps": steps, "product": product, "memory": memory, "table": table}[what](os.path.abspath(path))
