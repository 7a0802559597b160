"""Serves a Python environment to hyperl (docs/worker.md). Copy this file beside yours:

    from hyperl_env import serve
    import gymnasium as gym
    serve(lambda: gym.make("Hopper-v4"))

    hyperl-analyze cosine --ckpt agent.zip --env-command "python my_env.py"

An environment has `reset(seed=...)` and `step(action)` as Gymnasium has them. What a later step reads must be in its
state. Of MuJoCo that is known (`model` and `data` of the innermost environment); of plain attributes, such as a
counter of steps, too; for anything else give `get_state(env)`, which returns something that pickle can take, and
`set_state(env, state)`. Generators of random numbers among its attributes are seeded anew when hyperl asks for other
noise; for others give `set_noise(env, seed)`. hyperl checks at the start that a restored state repeats bit for bit what
followed it.
"""

import collections
import hashlib
import os
import pickle
import random
import struct
import sys

try:
    import numpy
except ImportError:  # an environment of plain Python needs none
    numpy = None

VERSION = 1
SPEC, RESET, STEP, SNAPSHOT, RESTORE, NOISE = range(6)
DONE, FAILED = 0, 1
TERMINATED, TRUNCATED, UNSTABLE = 1, 2, 4

# What rewards and observations may read of MuJoCo before the next step makes it anew: as old as the last step left it.
STALE = (
    "xpos xquat xmat xipos ximat geom_xpos geom_xmat site_xpos site_xmat subtree_com cinert cvel cacc cfrc_int cfrc_ext "
    "qacc qfrc_actuator qfrc_constraint actuator_force actuator_length actuator_velocity sensordata"
).split()

PLAIN = (bool, int, float, complex, str, bytes, type(None), random.Random)
if numpy:
    PLAIN += (numpy.ndarray, numpy.generic, numpy.random.Generator, numpy.random.RandomState)


def serve(make, name=None, time_limit=None, get_state=None, set_state=None, set_noise=None):
    """Answers on standard input and output until the input ends; whatever is printed goes to standard error."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    served = Served(make, name, time_limit, get_state, set_state, set_noise)
    while (head := requests.read(4)) and len(head) == 4:
        request = requests.read(*struct.unpack("<I", head))
        try:
            answer = bytes([DONE]) + served.answer(request[0], memoryview(request)[1:])
        except Exception as error:  # says what is wrong to whoever asked; the whole story goes to standard error
            sys.excepthook(type(error), error, error.__traceback__)
            answer = bytes([FAILED]) + f"{type(error).__name__}: {error}".encode()
        answers.write(struct.pack("<I", len(answer)) + answer)
        answers.flush()


class Served:
    """Environments of one kind, by number, made when first asked for."""

    def __init__(self, make, name, time_limit, get_state, set_state, set_noise):
        self.make, self.slots = make, {}
        self.get_state, self.set_state = get_state or get_known_state, set_state or set_known_state
        self.set_noise = set_noise or set_known_noise
        if (get_state is None) != (set_state is None):
            raise TypeError("give both get_state and set_state, or neither")
        env = self.slot(0)
        registered = getattr(env, "spec", None)
        self.name = (name or getattr(registered, "id", None) or type(innermost(env)).__name__).replace("/", "-")
        self.time_limit = time_limit or getattr(registered, "max_episode_steps", None)
        if not self.time_limit:
            raise TypeError("the environment does not say how long an episode is: serve(make, time_limit=1000)")
        self.low, self.high = floats(env.action_space.low), floats(env.action_space.high)
        self.width = 4 + 8 * len(self.low)

    def slot(self, number):
        if number not in self.slots:
            env = self.slots[number] = self.make()
            env.reset(seed=0)
        return self.slots[number]

    def answer(self, kind, body):
        if kind == STEP:
            return b"".join(self.step(body[i : i + self.width]) for i in range(0, len(body), self.width))
        if kind == SPEC:
            return self.spec()
        env = self.slot(*struct.unpack_from("<I", body))
        if kind == RESET:
            obs, _ = env.reset(seed=struct.unpack_from("<I", body, 4)[0])
            return packed(obs)
        if kind == SNAPSHOT:
            return pickle.dumps(self.get_state(env), protocol=4)
        if kind == RESTORE:
            self.set_state(env, pickle.loads(body[4:]))
            return b""
        if kind == NOISE:
            self.set_noise(env, struct.unpack_from("<I", body, 4)[0])
            return b""
        raise ValueError(f"a request of unknown kind {kind}")

    def spec(self):
        obs, _ = self.slot(0).reset(seed=0)
        sizes = struct.pack("<6sIIII", b"hyperl", VERSION, len(floats(obs)), len(self.low), self.time_limit)
        texts = b"".join(struct.pack("<I", len(t)) + t for t in (self.name.encode(), fingerprint().encode()))
        return sizes + packed(self.low) + packed(self.high) + texts

    def step(self, body):
        env = self.slot(*struct.unpack_from("<I", body))
        if numpy:
            action = numpy.frombuffer(body[4:], "<f8").copy()
        else:
            action = list(struct.unpack_from(f"<{len(self.low)}d", body, 4))
        obs, reward, terminated, truncated, _ = env.step(action)
        flags = TERMINATED * bool(terminated) + TRUNCATED * bool(truncated) + UNSTABLE * warned(env)
        return struct.pack("<dB", reward, flags) + packed(obs)


def floats(numbers):
    """Returns numbers as Python's, in a flat list."""
    return numpy.asarray(numbers, "<f8").ravel().tolist() if numpy else [float(x) for x in numbers]


def packed(numbers):
    if numpy:
        return numpy.asarray(numbers, "<f8").tobytes()
    return struct.pack(f"<{len(numbers)}d", *numbers)


def layers(env):
    """Returns an environment and those that it wraps."""
    found = [env]
    while vars(found[-1]).get("env") is not None:
        found.append(found[-1].env)
    return found


def innermost(env):
    return layers(env)[-1]


def simulation(env):
    """Returns model and data of MuJoCo, if the environment has them."""
    inner = innermost(env)
    model, data = getattr(inner, "model", None), getattr(inner, "data", None)
    if type(data).__name__ == "MjData":
        return model, data
    return None


def warned(env):
    """Returns whether MuJoCo has warned of anything since the reset: it may then have reset itself."""
    found = simulation(env)
    return found is not None and bool(found[1].warning.number.any())


def plain(value):
    """Returns whether a value holds nothing but numbers, texts, arrays and containers of such."""
    if isinstance(value, dict):
        return all(plain(k) and plain(v) for k, v in value.items())
    if isinstance(value, (list, tuple, set, frozenset, collections.deque)):
        return all(map(plain, value))
    return isinstance(value, PLAIN) and not (numpy and isinstance(value, numpy.ndarray) and value.dtype.hasobject)


def get_known_state(env):
    """Returns all plain attributes of an environment and those that it wraps, and the simulation, if it is MuJoCo's."""
    attributes = [{k: v for k, v in vars(layer).items() if plain(v)} for layer in layers(env)]
    found = simulation(env)
    if found is None:
        return attributes, None, None
    import mujoco

    model, data = found
    state = numpy.empty(mujoco.mj_stateSize(model, mujoco.mjtState.mjSTATE_INTEGRATION))
    mujoco.mj_getState(model, data, state, mujoco.mjtState.mjSTATE_INTEGRATION)
    return attributes, state, numpy.concatenate([getattr(data, field).ravel() for field in STALE])


def set_known_state(env, saved):
    attributes, state, stale = saved
    for layer, values in zip(layers(env), attributes):
        vars(layer).update(values)
    if state is None:
        return
    import mujoco

    model, data = simulation(env)
    mujoco.mj_resetData(model, data)
    mujoco.mj_setState(model, data, state, mujoco.mjtState.mjSTATE_INTEGRATION)
    mujoco.mj_forward(model, data)
    # The forward pass wrote the warmstart, which is part of the state.
    mujoco.mj_setState(model, data, state, mujoco.mjtState.mjSTATE_INTEGRATION)
    for field in STALE:
        numbers = getattr(data, field)
        numbers[:] = stale[: numbers.size].reshape(numbers.shape)
        stale = stale[numbers.size :]


def set_known_noise(env, seed):
    """Seeds all generators of random numbers among the attributes of an environment and those that it wraps."""
    for layer in layers(env):
        for name, value in vars(layer).items():
            if isinstance(value, random.Random):
                vars(layer)[name] = random.Random(seed)
            elif numpy and isinstance(value, numpy.random.Generator):
                vars(layer)[name] = numpy.random.default_rng(seed)
            elif numpy and isinstance(value, numpy.random.RandomState):
                vars(layer)[name] = numpy.random.RandomState(seed)


def fingerprint():
    """Returns what an environment is made of: a hash of the user's files, what they were started with, and versions."""
    main = getattr(sys.modules["__main__"], "__file__", None)
    digest = hashlib.sha256()
    if main is None:
        digest.update(" ".join(sys.orig_argv[1:]).encode())
    else:
        folder = os.path.dirname(os.path.abspath(main))
        files = {getattr(module, "__file__", None) for module in list(sys.modules.values())} - {None, __file__}
        below = {path for path in map(os.path.abspath, files) if path.startswith(folder + os.sep)}
        own = {path for path in below if not any(part in path for part in ("site-packages", "dist-packages"))}
        for file in sorted(own | {os.path.abspath(main)}):
            with open(file, "rb") as source:
                digest.update(source.read())
    packages = [name for name in ("gymnasium", "dm_control", "mujoco") if name in sys.modules]
    versions = [f"{name} {getattr(sys.modules[name], '__version__', '?')}" for name in packages]
    return " ".join([f"files {digest.hexdigest()[:16]}", *sys.argv[1:], *versions])
