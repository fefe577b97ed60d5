"""Keras's own optimizers as contestants: what is tuned, over what, and where the ranges come from.

They are Keras's classes, unchanged: what is not tuned stays as Keras has it, but for `constants`.
Nothing here imports TensorFlow, and not every version of Keras has all of them.

Ranges are ours. Those of a rate have the value that the source proposes near their middle; momentum
and decay rates go from almost all to almost nothing kept, as for `tfoptcmp.rules`.
"""

from tfoptcmp.rules import RULES, Epsilon, Look, Rule
from tfoptcmp.spaces import LogUniform

_ONE_MINUS_BETA1 = LogUniform(low=1e-3, high=1.0)
_ONE_MINUS_BETA2 = LogUniform(low=1e-4, high=1e-1)
_EPSILON = LogUniform(low=1e-10, high=1e10)
# Of a weight in the first step: Keras's defaults, AdamW's 0.001 x 0.004, and a factor of 1,000 to
# both sides. At the upper end a weight without a gradient is gone after some hundred steps.
_DECAY = {"weight_decay_per_step": LogUniform(low=1e-8, high=1e-2)}

_DAMPING = Epsilon(power=1, default=1e-7)
_DAMPING_IN_ROOT = Epsilon(power=2, default=1e-7)

_MOMENTS = RULES["adam"].initial_ranges
_MEAN_SQUARE = RULES["rmsprop"].initial_ranges

_RULES = (
    Rule(
        name="adamw",
        title="AdamW",
        optimizer="keras.optimizers:AdamW",
        hyperparameters=("learning_rate", "weight_decay", "beta_1", "beta_2", "epsilon"),
        contains=("adam",),  # without decay it is Adam as in the paper's Table 1
        epsilon=_DAMPING,
        rate="alpha0",
        rate_over_epsilon="alpha0_over_epsilon",
        kept_per_parameter=2,
        look=Look(colour="#882255", marker="<"),
        initial_ranges={**_MOMENTS, **_DECAY},
        ranges_source="ours: Adam's, and decay around Keras's default (Loshchilov & Hutter 2019)",
        similar_to="adam",
    ),
    Rule(
        name="lion",
        title="Lion",
        optimizer="keras.optimizers:Lion",
        hyperparameters=("learning_rate", "weight_decay", "beta_1", "beta_2"),
        kept_per_parameter=1,
        look=Look(colour="#117733", marker=">"),
        initial_ranges={
            "eta0": LogUniform(low=1e-6, high=1e-1),
            "one_minus_beta1": _ONE_MINUS_BETA1,
            "one_minus_beta2": LogUniform(low=1e-3, high=1.0),
            **_DECAY,
        },
        ranges_source="ours: around 1e-4, beta 0.9 and 0.99 (Chen et al. 2023)",
    ),
    Rule(
        name="muon",
        title="Muon",
        optimizer="keras.optimizers:Muon",
        hyperparameters=("learning_rate", "weight_decay", "momentum", "epsilon"),
        # Its AdamW, which trains all but matrices (convolutions, biases), does without decay, or
        # that would be another rate to tune.
        constants={"adam_weight_decay": None},
        epsilon=_DAMPING,
        look=Look(colour="#332288", marker="p"),
        initial_ranges={
            "eta0": LogUniform(low=1e-5, high=1.0),
            "one_minus_gamma": LogUniform(low=1e-3, high=1.0),
            "epsilon": LogUniform(low=1e-10, high=1e-1),
            **_DECAY,
        },
        ranges_source="ours: around Keras's defaults (Liu et al. 2025)",
    ),
    Rule(
        name="lamb",
        title="LAMB",
        optimizer="keras.optimizers:Lamb",
        hyperparameters=("learning_rate", "beta_1", "beta_2", "epsilon"),
        epsilon=_DAMPING,
        kept_per_parameter=2,
        look=Look(colour="#999933", marker="h"),
        initial_ranges={
            "eta0": LogUniform(low=1e-4, high=1.0),
            "one_minus_beta1": _ONE_MINUS_BETA1,
            "one_minus_beta2": _ONE_MINUS_BETA2,
            "epsilon": LogUniform(low=1e-10, high=1e2),
        },
        ranges_source="ours: around 1e-2 (You et al. 2020)",
    ),
    Rule(
        name="adafactor",
        title="Adafactor",
        optimizer="keras.optimizers:Adafactor",
        hyperparameters=("learning_rate", "clip_threshold", "epsilon_1"),
        look=Look(colour="#44AA99", marker="8"),
        initial_ranges={
            "eta0": LogUniform(low=1e-4, high=1e1),
            "clip_threshold": LogUniform(low=1e-1, high=1e1),
            # Keras's default, 1e-30, gives 0 / 0 where gradients are 0, as of blank pixels.
            "epsilon_1": LogUniform(low=1e-14, high=1e-2),
        },
        ranges_source="ours: around 1e-2 and clipping at 1 (Shazeer & Stern 2018)",
    ),
    Rule(
        name="adagrad",
        title="Adagrad",
        optimizer="keras.optimizers:Adagrad",
        hyperparameters=("learning_rate", "epsilon"),
        # It is added to epsilon, which is searched.
        constants={"initial_accumulator_value": 0.0},
        contains=("sgd",),  # as epsilon grows, at the same rate over its root
        epsilon=_DAMPING_IN_ROOT,
        rate_over_epsilon="eta0_over_sqrt_epsilon",
        kept_per_parameter=1,
        look=Look(colour="#AA4499", marker="d"),
        initial_ranges={
            "eta0_over_sqrt_epsilon": LogUniform(low=1e-2, high=1e4),
            "epsilon": _EPSILON,
        },
        ranges_source="ours: as of RMSProp",
    ),
    Rule(
        name="adadelta",
        title="Adadelta",
        optimizer="keras.optimizers:Adadelta",
        hyperparameters=("learning_rate", "rho", "epsilon"),
        contains=("sgd",),  # as epsilon grows, at the same rate
        epsilon=_DAMPING_IN_ROOT,
        kept_per_parameter=2,
        look=Look(colour="#DDCC77", marker="H"),
        initial_ranges={
            "eta0": LogUniform(low=1e-3, high=1e2),
            "one_minus_rho": LogUniform(low=1e-4, high=1.0),
            "epsilon": _EPSILON,
        },
        ranges_source="ours: around 1 (Zeiler 2012), and as of RMSProp",
    ),
    Rule(
        name="adamax",
        title="Adamax",
        optimizer="keras.optimizers:Adamax",
        hyperparameters=("learning_rate", "beta_1", "beta_2", "epsilon"),
        contains=(
            "momentum",
        ),  # as epsilon grows, at the same rate over it; see its bias correction
        epsilon=_DAMPING,
        rate="alpha0",
        rate_over_epsilon="alpha0_over_epsilon",
        kept_per_parameter=2,
        look=Look(colour="#CC6677", marker="1"),
        initial_ranges=_MOMENTS,
        ranges_source="ours: as of Adam (Kingma & Ba 2015)",
    ),
    Rule(
        name="ftrl",
        title="FTRL",
        optimizer="keras.optimizers:Ftrl",
        hyperparameters=("learning_rate", "initial_accumulator_value", "beta"),
        kept_per_parameter=2,
        look=Look(colour="#888888", marker="2"),
        initial_ranges={
            "eta0": LogUniform(low=1e-3, high=1e1),
            # It scales the initial weights down at the first step, to almost nothing if it is large
            # compared with a gradient's square.
            "initial_accumulator_value": LogUniform(low=1e-14, high=1e-1),
            "ftrl_beta": LogUniform(low=1e-3, high=1e1),
        },
        ranges_source="ours: around 0.1 and beta 1 (McMahan et al. 2013)",
    ),
    Rule(
        name="schedule_free_adamw",
        title="Schedule-free AdamW",
        optimizer="keras.optimizers:ScheduleFreeAdamW",
        hyperparameters=("learning_rate", "weight_decay", "beta_1", "beta_2", "epsilon"),
        epsilon=_DAMPING,
        kept_per_parameter=2,
        look=Look(colour="#88CCEE", marker="3"),
        initial_ranges={
            "eta0": LogUniform(low=1e-5, high=1.0),
            "one_minus_beta1": LogUniform(low=1e-3, high=0.5),  # it divides by beta1
            "one_minus_beta2": _ONE_MINUS_BETA2,
            "epsilon": LogUniform(low=1e-10, high=1e-1),
            **_DECAY,
        },
        schedule="constant",
        ranges_source="ours: around 2.5e-3 (Defazio et al. 2024)",
    ),
    Rule(
        name="keras_nadam",
        title="Keras's Nadam",
        optimizer="keras.optimizers:Nadam",
        hyperparameters=("learning_rate", "beta_1", "beta_2", "epsilon"),
        epsilon=_DAMPING,
        rate="alpha0",
        rate_over_epsilon="alpha0_over_epsilon",
        kept_per_parameter=2,
        look=Look(colour="#B2182B", marker="4"),
        initial_ranges=_MOMENTS,
        ranges_source="ours: as of Adam (Dozat 2016)",
    ),
    Rule(
        name="keras_rmsprop",
        title="Keras's RMSprop",
        optimizer="keras.optimizers:RMSprop",
        hyperparameters=("learning_rate", "momentum", "rho", "epsilon"),
        contains=("momentum",),  # as RMSProp, from which only its first mean square differs
        epsilon=_DAMPING_IN_ROOT,
        rate_over_epsilon="eta0_over_sqrt_epsilon",
        kept_per_parameter=2,
        look=Look(colour="#5AAE61", marker="|"),
        initial_ranges=_MEAN_SQUARE,
        ranges_source="ours: as of RMSProp (Tieleman & Hinton 2012)",
    ),
)

KERAS_RULES: dict[str, Rule] = {rule.name: rule for rule in _RULES}
"""Name to update rule. Keras's SGD and Adam are not here: they are those of `tfoptcmp.rules` (SGD
with momentum under a schedule as `formulation="polyak"`)."""
