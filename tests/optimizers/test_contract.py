"""What every rule must do as a Keras optimizer; one contract for the whole table."""

import functools
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfoptcmp.optimizers import OPTIMIZERS, Adam, Momentum, RMSProp
from tfoptcmp.schedules import Constant, LinearDecay, RateRatio

ARGUMENTS = {
    "sgd": {},
    "momentum": {"momentum": 0.8},
    "nesterov": {"momentum": 0.8},
    "rmsprop": {"momentum": 0.8, "rho": 0.7, "epsilon": 1e-3},
    "adam": {"beta_1": 0.7, "beta_2": 0.8, "epsilon": 1e-3},
    "nadam": {"beta_1": 0.7, "beta_2": 0.8, "epsilon": 1e-3},
    "rmsterov": {"momentum": 0.8, "rho": 0.7, "epsilon": 1e-3},
}
OTHERS = {"momentum": 0.4, "rho": 0.2, "beta_1": 0.1, "beta_2": 0.3, "epsilon": 0.5}

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 4)).astype("float32")
Y = RNG.normal(size=(64, 1)).astype("float32")
# Of a kernel and a bias, for 12 steps.
GRADIENTS = [
    [RNG.normal(size=(4, 3)).astype("float32"), RNG.normal(size=3).astype("float32")]
    for _ in range(12)
]


def new_variables():
    return [
        keras.Variable(np.ones((4, 3)), dtype="float32", name="kernel"),
        keras.Variable(np.full(3, -1.0), dtype="float32", name="bias"),
    ]


def run(optimizer, gradients=GRADIENTS, variables=None):
    """Applies the gradients; returns the weights as one vector."""
    variables = variables or new_variables()
    for grads in gradients:
        optimizer.apply([tf.constant(g) for g in grads], variables)
    return np.concatenate([v.numpy().ravel() for v in variables])


def new_model(dtype=None):
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(5, "tanh", dtype=dtype),
            keras.layers.Dense(1, dtype=dtype),
        ]
    )


def fit(model, epochs=1):
    """Four steps per epoch."""
    model.fit(X, Y, batch_size=16, epochs=epochs, shuffle=False, verbose=0)
    return np.concatenate([w.ravel() for w in model.get_weights()])


@functools.cache
def fitted_in_float32(name):
    model = new_model()
    model.compile(OPTIMIZERS[name](0.05, **ARGUMENTS[name]), "mse", jit_compile=False)
    return fit(model)


@pytest.mark.parametrize("name", OPTIMIZERS)
class TestContract:
    @pytest.fixture(autouse=True)
    def _rule(self, name):
        self.name = name

    def make(self, learning_rate=0.05, **kwargs):
        return OPTIMIZERS[self.name](learning_rate, **{**ARGUMENTS[self.name], **kwargs})

    def make_scheduled(self, **kwargs):
        """With a schedule wherever one is allowed."""
        rate = LinearDecay(0.05, decay_steps=10, decay_factor=0.1)
        if "momentum" in ARGUMENTS[self.name]:
            kwargs["momentum"] = RateRatio(rate, 0.8)
        return self.make(rate, **kwargs)

    def test_names(self):
        assert OPTIMIZERS[self.name].__name__.lower() == self.name

    def test_configuration_round_trip(self):
        kwargs = {"weight_decay": 0.1, "clipnorm": 2.0, "name": "mine"}
        for optimizer in (self.make(**kwargs), self.make_scheduled(**kwargs)):
            config = optimizer.get_config()
            again = type(optimizer).from_config(config)
            assert again.get_config() == config == optimizer.get_config()
            serialized = keras.optimizers.serialize(optimizer)
            restored = keras.optimizers.deserialize(serialized)
            assert type(restored) is type(optimizer)  # not the stock class of that name
            assert restored.get_config() == config
            np.testing.assert_array_equal(run(restored), run(optimizer))

    def test_configuration_has_the_numbers_as_given(self):
        optimizer = self.make(learning_rate=0.1)  # no float32 is 0.1
        config = optimizer.get_config()
        assert config["learning_rate"] == 0.1
        for argument, value in ARGUMENTS[self.name].items():
            assert config[argument] == getattr(optimizer, argument) == value

    def test_whole_numbers_are_numbers(self):
        zeros = {argument: 0 for argument in ARGUMENTS[self.name] if argument != "epsilon"}
        config = self.make(1, **zeros).get_config()
        assert config["learning_rate"] == 1.0
        for argument in zeros:
            assert config[argument] == 0.0
            assert type(config[argument]) is float
        assert np.isfinite(run(self.make(1, **zeros))).all()

    def test_a_changed_variable_shows(self):
        """A checkpoint restores variables, not Python numbers."""
        optimizer = self.make(learning_rate=0.1)
        optimizer.learning_rate.assign(0.25)
        assert optimizer.get_config()["learning_rate"] == 0.25
        if "beta_2" in ARGUMENTS[self.name]:
            optimizer._one_minus_beta_2.assign(0.25)
            assert optimizer.beta_2 == 0.75

    def test_reset_is_a_new_start(self):
        kwargs = {"use_ema": True, "ema_momentum": 0.5, "gradient_accumulation_steps": 2}
        optimizer = self.make_scheduled(**kwargs)
        variables = new_variables()
        run(optimizer, GRADIENTS[:5], variables)  # five: one accumulated gradient is left over
        optimizer.reset()
        fresh = self.make_scheduled(**kwargs)
        fresh.build(variables)
        for got, wanted in zip(optimizer.variables, fresh.variables, strict=True):
            np.testing.assert_array_equal(got.numpy(), wanted.numpy(), err_msg=got.path)

    def test_hyperparameters_take_effect_without_a_retrace(self):
        optimizer = self.make()
        variables = new_variables()
        optimizer.build(variables)
        num_traces = 0

        @tf.function
        def step(gradients):
            nonlocal num_traces
            num_traces += 1
            optimizer.apply(gradients, variables)

        step(GRADIENTS[0])
        others = {name: OTHERS[name] for name in ARGUMENTS[self.name]}
        optimizer.learning_rate = 0.2
        for argument, value in others.items():
            setattr(optimizer, argument, value)
        optimizer.reset()
        for variable, initial in zip(variables, new_variables(), strict=True):
            variable.assign(initial)
        for gradients in GRADIENTS:
            step(gradients)
        assert num_traces == 1
        got = np.concatenate([v.numpy().ravel() for v in variables])
        wanted = run(OPTIMIZERS[self.name](0.2, **others))
        np.testing.assert_allclose(got, wanted, rtol=1e-6)
        assert not np.allclose(got, run(self.make()), rtol=1e-2)

    def test_compiled_fit_does_not_retrace(self):
        num_traces = 0

        class Counting(keras.Model):
            def train_step(self, data):
                nonlocal num_traces
                num_traces += 1
                return super().train_step(data)

        inner = new_model()
        model = Counting(inner.inputs, inner.outputs)
        optimizer = self.make_scheduled()
        model.compile(optimizer, "mse", jit_compile=False)
        first = fit(model)
        traces = num_traces
        optimizer._learning_rate.learning_rate = 0.5
        for argument in set(ARGUMENTS[self.name]) - {"momentum"}:
            setattr(optimizer, argument, OTHERS[argument])
        optimizer.reset()
        model.set_weights(new_model().get_weights())
        second = fit(model)
        assert num_traces == traces
        assert np.abs(second - first).max() > 1e-3

    def test_file_continues_bit_for_bit(self, tmp_path):
        kwargs = {"use_ema": True, "ema_momentum": 0.5}
        whole = new_model()
        whole.compile(self.make_scheduled(**kwargs), "mse", jit_compile=False)
        fit(whole)
        whole.save(tmp_path / "model.keras")
        restored = keras.models.load_model(tmp_path / "model.keras")
        assert type(restored.optimizer) is OPTIMIZERS[self.name]
        assert int(restored.optimizer.iterations.numpy()) == 4
        np.testing.assert_array_equal(fit(restored), fit(whole))

    def test_weight_decay_with_exclusions(self):
        optimizer = self.make(0.5, weight_decay=0.1)
        optimizer.exclude_from_weight_decay(var_names=["bias"])
        zeros = [[np.zeros_like(g) for g in GRADIENTS[0]]]
        weights = run(optimizer, zeros)  # by hand: 1 - 0.5 * 0.1 for the kernel
        np.testing.assert_allclose(weights, [0.95] * 12 + [-1.0] * 3, rtol=1e-6)

    @pytest.mark.parametrize("how", ["clipnorm", "clipvalue", "global_clipnorm"])
    def test_clipping(self, how):
        def clipped(gradients):
            norms = [np.sqrt((g**2).sum()) for g in gradients]
            if how == "clipvalue":
                return [np.clip(g, -0.5, 0.5) for g in gradients]
            if how == "global_clipnorm":
                norms = [np.sqrt(sum(n**2 for n in norms))] * len(norms)
            return [g * min(1, 0.5 / n) for g, n in zip(gradients, norms, strict=True)]

        wanted = run(self.make(), [clipped(gradients) for gradients in GRADIENTS])
        np.testing.assert_allclose(run(self.make(**{how: 0.5})), wanted, rtol=1e-5)

    def test_average_of_weights(self):
        optimizer = self.make(use_ema=True, ema_momentum=0.75)
        variables = new_variables()
        history = [run(optimizer, [gradients], variables) for gradients in GRADIENTS]
        average = history[0]
        for weights in history[1:]:
            average = 0.75 * average + 0.25 * weights
        optimizer.finalize_variable_values(variables)
        got = np.concatenate([v.numpy().ravel() for v in variables])
        np.testing.assert_allclose(got, average, rtol=1e-5)

    def test_accumulated_gradients_are_one_update(self):
        """Of the mean; Adam's correction counts updates, not micro-batches."""
        means = [
            [(a + b) / 2 for a, b in zip(first, second, strict=True)]
            for first, second in zip(GRADIENTS[::2], GRADIENTS[1::2], strict=True)
        ]
        got = run(self.make(gradient_accumulation_steps=2))
        np.testing.assert_allclose(got, run(self.make(), means), rtol=1e-5)

    def test_loss_scale_factor(self):
        optimizer = self.make(loss_scale_factor=1024.0)
        assert optimizer.scale_loss(2.0) == 2048.0
        scaled = [[1024 * g for g in gradients] for gradients in GRADIENTS]
        np.testing.assert_allclose(run(optimizer, scaled), run(self.make()), rtol=1e-6)

    @pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
    def test_mixed_precision(self, policy):
        keras.config.set_dtype_policy(policy)
        try:
            model = new_model()
            model.compile(self.make(), "mse", jit_compile=False)
        finally:
            keras.config.set_dtype_policy("float32")
        is_scaled = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
        assert is_scaled == (policy == "mixed_float16")
        weights, before = fit(model), new_model().get_weights()
        # 8 bits of bfloat16's gradients against 24.
        np.testing.assert_allclose(weights, fitted_in_float32(self.name), atol=0.02)
        assert np.abs(weights - np.concatenate([w.ravel() for w in before])).max() > 0.03

    def test_xla(self):
        optimizer, variables = self.make_scheduled(), new_variables()
        optimizer.build(variables)
        step = tf.function(lambda g: optimizer.apply(g, variables), jit_compile=True)
        for gradients in GRADIENTS:
            step(gradients)
        got = np.concatenate([v.numpy().ravel() for v in variables])
        np.testing.assert_allclose(got, run(self.make_scheduled()), rtol=1e-5, atol=1e-6)

    def test_sparse_gradients_equal_dense_ones(self):
        """Rows come several times, or not at all; in a graph, where Keras does not help."""
        sparse, dense = ([keras.Variable(np.ones((6, 2)), dtype="float32")] for _ in range(2))
        for how in ({}, {"clipnorm": 0.5}, {"gradient_accumulation_steps": 2}):
            first, second = self.make(**how), self.make(**how)
            first.build(sparse)
            second.build(dense)

            @tf.function
            def step(rows, optimizer=first):
                with tf.GradientTape() as tape:
                    looked_up = tf.gather(sparse[0].value, rows)
                    loss = tf.reduce_sum(looked_up**2 + tf.sin(looked_up))
                gradient = tape.gradient(loss, sparse[0].value)
                assert isinstance(gradient, tf.IndexedSlices)
                optimizer.apply([gradient], sparse)

            for rows in ([0, 1, 1, 4], [5, 1, 5, 5], [3, 3, 3, 3], [0, 1, 2, 3]):
                step(tf.constant(rows))
                weights = dense[0].numpy()
                counts = np.bincount(rows, minlength=6)[:, None].astype("float32")
                second.apply([tf.constant(counts * (2 * weights + np.cos(weights)))], dense)
            np.testing.assert_allclose(sparse[0].numpy(), dense[0].numpy(), rtol=2e-5)

    @pytest.mark.parametrize("dense_shape", [None, (6, 2)])
    def test_sparse_gradients_need_not_know_their_shape(self, dense_shape):
        gradient = tf.IndexedSlices(tf.ones((3, 2)), tf.constant([1, 4, 1]), dense_shape)
        found = []
        dense = tf.constant([[row, row] for row in (0.0, 2.0, 0.0, 0.0, 1.0, 0.0)])
        for given in (gradient, dense):
            weights = [keras.Variable(np.ones((6, 2)), dtype="float32")]
            optimizer = self.make()
            optimizer.apply([given], weights)
            optimizer.apply([given])  # without the variables
            found.append(weights[0].numpy())
        np.testing.assert_array_equal(*found)

    def test_gradients_and_variables_come_as_keras_takes_them(self):
        """No gradients are no update; the variables may be any iterable."""
        weights = [keras.Variable(np.ones(3), dtype="float32") for _ in range(2)]
        optimizer = self.make()
        optimizer.apply([tf.ones(3)] * 2, iter(weights))
        assert int(optimizer.iterations) == 1
        before = [weight.numpy() for weight in weights]
        optimizer.apply([])
        optimizer.apply([], weights)
        np.testing.assert_array_equal([weight.numpy() for weight in weights], before)

    def test_embedding_in_fit(self):
        keras.utils.set_random_seed(1)
        model = keras.Sequential(
            [keras.Input((3,)), keras.layers.Embedding(7, 2), keras.layers.Flatten()]
        )
        model.add(keras.layers.Dense(1))
        model.compile(self.make(global_clipnorm=1.0), "mse", jit_compile=False)
        before = model.get_weights()[0].copy()
        rows = np.arange(48).reshape(16, 3) % 5
        history = model.fit(rows, rows.sum(-1), batch_size=8, epochs=3, verbose=0).history["loss"]
        after = model.get_weights()[0]
        assert history[-1] < history[0]
        assert np.abs(after[:5] - before[:5]).max() > 1e-3
        np.testing.assert_array_equal(after[5:], before[5:])  # never seen: zero gradient

    def test_callback_sets_the_rate(self):
        model = new_model()
        model.compile(self.make(), "mse", run_eagerly=True)
        scheduler = keras.callbacks.LearningRateScheduler(lambda epoch: 0.01 * (epoch + 1))
        model.fit(X, Y, epochs=3, verbose=0, callbacks=[scheduler])
        assert model.optimizer.get_config()["learning_rate"] == 0.03

    def test_refuses_what_is_out_of_range(self):
        refused = {
            "learning_rate": [-0.1, float("nan"), float("inf"), "0.1", True],
            "momentum": [-0.1, float("inf"), None],
            "rho": [-0.1, 1.0, True],
            "beta_1": [-0.1, 1.0, 2],
            "beta_2": [1, float("nan")],
            "epsilon": [-1e-8, float("inf")],
        }
        for argument in ["learning_rate", *ARGUMENTS[self.name]]:
            for value in refused[argument]:
                with pytest.raises(ValueError, match=f"{argument} must be .*got {value!r}"):
                    self.make(**{argument: value})
                optimizer = self.make()
                with pytest.raises(ValueError, match=f"{argument} must be .*got {value!r}"):
                    setattr(optimizer, argument, value)

    def test_a_number_does_not_become_a_schedule(self):
        """The traced step would keep using what it was traced with."""
        number, schedule = self.make(), self.make_scheduled()
        for argument in {"learning_rate", "momentum"} & {"learning_rate", *ARGUMENTS[self.name]}:
            for optimizer, value in ((number, Constant(0.1)), (schedule, 0.1)):
                with pytest.raises(ValueError, match=f"{argument} must stay a number or"):
                    setattr(optimizer, argument, value)


def test_momentum_above_one_is_allowed():
    """Section 3: gamma in [0, inf)."""
    assert Momentum(0.1, momentum=1.5).momentum == 1.5


def test_refuses_an_unknown_formulation():
    with pytest.raises(ValueError, match=r"formulation must be one of .*got 'keras'"):
        Momentum(0.1, formulation="keras")


def test_learning_rate_may_be_a_function():
    rates = iter([0.5, 0.25])
    optimizer = Momentum(lambda: next(rates), momentum=0)
    weight = keras.Variable(0.0)
    for _ in range(2):
        optimizer.apply([tf.constant(-1.0)], [weight])
    assert weight.numpy() == 0.75  # by hand


def test_adam_takes_a_function_too():
    weight = keras.Variable(0.0)
    Adam(lambda: 0.5).apply([tf.constant(-1.0)], [weight])
    assert weight.numpy() == pytest.approx(0.5, rel=1e-6)  # theory: the first step is the rate


def test_rmsprop_starts_at_one():
    weight = keras.Variable(0.0)
    RMSProp(1.0, rho=0.75, epsilon=0).apply([tf.constant(-3.0)], [weight])
    assert weight.numpy() == pytest.approx(3 / 3**0.5, rel=1e-6)  # by hand: v = .75 + .25 * 9


def test_mirrored_strategy():
    """Two logical CPUs and halves of each gradient give one CPU's weights."""
    program = """
    import keras, numpy as np, tensorflow as tf
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    from tfoptcmp.optimizers import OPTIMIZERS
    from tfoptcmp.schedules import LinearDecay

    def make(name):
        return OPTIMIZERS[name](LinearDecay(0.1, 5, 0.1))

    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    assert strategy.num_replicas_in_sync == 2
    for name in OPTIMIZERS:
        with strategy.scope():
            weights = keras.Variable(np.linspace(-1, 1, 5), dtype="float32")
            optimizer = make(name)
            optimizer.build([weights])

        @tf.function
        def step():
            def replica():
                index = tf.distribute.get_replica_context().replica_id_in_sync_group
                share = 0.25 + 0.5 * tf.cast(index, "float32")
                optimizer.apply([share * weights.value], [weights])
            strategy.run(replica)

        for trial in range(2):
            weights.assign(np.linspace(-1, 1, 5))
            optimizer.reset()
            for _ in range(6):
                step()
        alone, single = keras.Variable(np.linspace(-1, 1, 5), dtype="float32"), make(name)
        for _ in range(6):
            single.apply([alone.value], [alone])
        np.testing.assert_allclose(weights.numpy(), alone.numpy(), rtol=1e-5, err_msg=name)
        assert int(optimizer.iterations.numpy()) == 6
        assert optimizer.get_config() | {"name": ""} == single.get_config() | {"name": ""}
    """
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr[-3000:]


@pytest.mark.parametrize("name", [n for n, rule in OPTIMIZERS.items() if hasattr(rule, "epsilon")])
def test_an_epsilon_that_rounds_to_zero_is_refused(name):
    """float16 begins at 6e-8; the default of 1e-8 would divide 0 by 0."""
    variable = keras.Variable(np.ones(3), dtype="float16")
    with pytest.raises(ValueError, match="epsilon must not round to 0 in float16; got 1e-08"):
        OPTIMIZERS[name](epsilon=1e-8).build([variable])
    optimizer = OPTIMIZERS[name](1e-3, epsilon=1e-3)
    optimizer.apply([np.float16([0.0, 1.0, -1.0])], [variable])
    assert np.isfinite(variable.numpy()).all()
    OPTIMIZERS[name](epsilon=0.0).build([variable])  # as asked
