"""Trials that stop on demand, of the study that needs no training."""

from tfoptcmp.tools.lab.faults.fake import STEPS, measurement, run_trial


class Stop:
    """A trial function that works for some trials and then raises in the middle of one."""

    def __init__(self, trials, error):
        self.left = trials
        self.error = error
        self.indices = []

    def __call__(self, task, on_measurement):
        self.indices.append(task.index)
        if self.left == 0:
            on_measurement(measurement(task, STEPS[0]))
            raise self.error
        self.left -= 1
        return run_trial(task, on_measurement)
