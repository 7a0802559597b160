"""A task of dm_control's suite: `python dm_control_suite.py cheetah run`.

Its interface is not Gymnasium's, so this class is between them; the simulation is MuJoCo's, so that its state is known.
"""

import sys
from types import SimpleNamespace

import numpy as np
from dm_control import suite
from hyperl_env import serve


class Suite:
    def __init__(self, domain, task):
        self.suite, self.steps = suite.load(domain, task), 0
        # What hyperl_env looks for: MuJoCo's own model and data.
        self.model, self.data = self.suite.physics.model.ptr, self.suite.physics.data.ptr
        bounds = self.suite.action_spec()
        self.action_space = SimpleNamespace(low=bounds.minimum, high=bounds.maximum)

    def observe(self, found):
        return np.concatenate([np.ravel(part) for part in found.values()])

    def reset(self, seed):
        self.suite.task.random.seed(seed)
        self.steps = 0
        return self.observe(self.suite.reset().observation), {}

    def step(self, action):
        # The task itself: the suite's own time limit is counted here, where it is part of the state.
        physics, task = self.suite.physics, self.suite.task
        task.before_step(action, physics)
        physics.step(self.suite._n_sub_steps)
        task.after_step(physics)
        self.steps += 1
        done = task.get_termination(physics) is not None
        reward = task.get_reward(physics)
        return self.observe(task.get_observation(physics)), reward, done, self.steps >= 1000, {}


serve(lambda: Suite(*sys.argv[1:]), name="-".join(sys.argv[1:]), time_limit=1000)
