import json
import math

import pytest

from tfoptcmp.hyperparameters import HYPERPARAMETERS, Hyperparameter
from tfoptcmp.spaces import Choice, Fixed, LogUniform, SearchSpace, Uniform

SPACE = SearchSpace(
    source="test",
    dimensions={
        "alpha0_over_epsilon": LogUniform(low=1e-2, high=1e4),
        "one_minus_beta1": LogUniform(low=1e-3, high=1.0),
        "one_minus_beta2": Fixed(fixed=0.25),
        "epsilon": LogUniform(low=1e-10, high=1e10),
        "decay_steps_fraction": Uniform(low=0.5, high=1.0),
        "decay_factor": Choice(values=(1e-3, 1e-2, 1e-1)),
    },
)


class TestDimensions:
    @pytest.mark.parametrize(
        ("dimension", "u", "expected"),  # by hand
        [
            (LogUniform(low=1e-4, high=1e2), 0.0, 1e-4),
            (LogUniform(low=1e-4, high=1e2), 0.5, 1e-1),
            (Uniform(low=-1.0, high=3.0), 0.0, -1.0),
            (Uniform(low=-1.0, high=3.0), 0.25, 0.0),
            (Choice(values=(1.0, 2.0, 4.0)), 0.0, 1.0),
            (Choice(values=(1.0, 2.0, 4.0)), 0.34, 2.0),
            (Choice(values=(1.0, 2.0, 4.0)), math.nextafter(1.0, 0.0), 4.0),
        ],
    )
    def test_values(self, dimension, u, expected):
        assert dimension.value(u) == pytest.approx(expected, rel=1e-14, abs=1e-15)

    @pytest.mark.parametrize("kind", [LogUniform, Uniform])
    def test_u_below_one_stays_within_the_bounds(self, kind):
        dimension = kind(low=1e-10, high=1e10)
        ends = dimension.value(0.0), dimension.value(math.nextafter(1.0, 0.0))
        assert ends == pytest.approx((1e-10, 1e10), rel=1e-13)

    @pytest.mark.parametrize(
        ("kind", "arguments", "message"),
        [
            (LogUniform, {"low": 0.0, "high": 1.0}, "low must be > 0"),
            (LogUniform, {"low": -1.0, "high": 1.0}, "low must be > 0"),
            (LogUniform, {"low": 1.0, "high": 1.0}, "low must be < high; got low=1.0, high=1.0"),
            (Uniform, {"low": 2.0, "high": 1.0}, "low must be < high"),
            (Uniform, {"low": math.nan, "high": 1.0}, "low must be a finite number; got nan"),
            (Uniform, {"low": 0.0, "high": math.inf}, "high must be a finite number; got inf"),
            (Uniform, {"low": "0", "high": 1.0}, "low must be a finite number; got '0'"),
            (Choice, {"values": ()}, "must be distinct and not empty"),
            (Choice, {"values": (1.0, 1.0)}, "must be distinct"),
            (Choice, {"values": (1.0, math.inf)}, "must be a finite number"),
            (Fixed, {"fixed": math.nan}, "must be a finite number"),
            (Fixed, {"fixed": True}, "must be a finite number; got True"),
        ],
    )
    def test_what_cannot_work_is_refused(self, kind, arguments, message):
        with pytest.raises(ValueError, match=message):
            kind(**arguments)


class TestSpace:
    def test_coordinates_are_in_the_order_of_the_free_dimensions(self):
        assert SPACE.num_dims == 5
        assert SPACE.free == tuple(n for n in SPACE.dimensions if n != "one_minus_beta2")
        found = SPACE.values((0.5, 0.0, 0.5, 0.5, 0.5))
        assert found == pytest.approx(  # by hand
            {
                "alpha0_over_epsilon": 10.0,
                "one_minus_beta1": 1e-3,
                "one_minus_beta2": 0.25,
                "epsilon": 1.0,
                "decay_steps_fraction": 0.75,
                "decay_factor": 1e-2,
            }
        )

    @pytest.mark.parametrize("point", [(), (0.5,) * 4, (0.5,) * 6])
    def test_the_number_of_coordinates_must_fit(self, point):
        with pytest.raises(ValueError, match=f"must have 5 coordinates; got {len(point)}"):
            SPACE.values(point)

    @pytest.mark.parametrize("coordinate", [-1e-9, 1.0, math.nan])
    def test_coordinates_lie_in_the_unit_interval(self, coordinate):
        with pytest.raises(ValueError, match=r"must lie in \[0, 1\)"):
            SPACE.values((coordinate, 0.5, 0.5, 0.5, 0.5))

    def test_a_space_may_be_fixed_altogether(self):
        space = SearchSpace(source="test", dimensions={"eta0": Fixed(fixed=0.1)})
        assert (space.num_dims, space.values(())) == (0, {"eta0": 0.1})

    @pytest.mark.parametrize("name", ["decay_factor", "label_smoothing"])
    def test_closed_ends_are_allowed(self, name):
        space = SearchSpace(source="test", dimensions={name: Choice(values=(0.0, 1.0))})
        assert [space.values((u,))[name] for u in (0.0, 0.5)] == [0.0, 1.0]

    @pytest.mark.parametrize(
        ("dimensions", "message"),
        [
            ({"eta": Fixed(fixed=1.0)}, r"must be one of .*'eta0'.*; got 'eta'"),
            ({"weight_decay": Fixed(fixed=0.1)}, "weight_decay cannot be searched"),
            ({"eta0": Fixed(fixed=0.0)}, r"eta0 must lie in \(0, inf.*; got 0.0"),
            ({"one_minus_gamma": Fixed(fixed=1.5)}, r"one_minus_gamma must lie in \(0, 1\]"),
            ({"one_minus_beta1": LogUniform(low=1e-3, high=2.0)}, "one_minus_beta1 must lie in"),
            ({"label_smoothing": Choice(values=(0.0, -0.1))}, "label_smoothing must lie in"),
            ({"eta0": Fixed(fixed=1.0), "alpha0": Fixed(fixed=1.0)}, "learning_rate once"),
            ({"alpha0_over_epsilon": Fixed(fixed=1.0)}, "must have 'epsilon' too"),
            ({"eta0_over_sqrt_epsilon": Fixed(fixed=1.0)}, "must have 'epsilon' too"),
        ],
    )
    def test_what_cannot_work_is_refused(self, dimensions, message):
        with pytest.raises(ValueError, match=message):
            SearchSpace(source="test", dimensions=dimensions)

    def test_what_it_was_made_from_may_change(self):
        dimensions = {"eta0": Fixed(fixed=0.1), "mine": Fixed(fixed=1.0)}
        own = {"mine": Hyperparameter(argument="mine", meaning="mine")}
        space = SearchSpace(source="test", dimensions=dimensions, own=own)
        before = space.to_json()
        dimensions.clear()
        own.clear()
        assert space.to_json() == before


class TestDerivation:
    def test_by_hand(self):
        values = SPACE.values((0.5, 0.0, 0.6, 0.5, 0.5))
        assert SPACE.derive(values, budget_steps=1000) == pytest.approx(
            {
                "learning_rate": 10.0 * 100.0,
                "beta_1": 0.999,
                "beta_2": 0.75,
                "epsilon": 100.0,
                "decay_steps": 750,
                "decay_factor": 1e-2,
            }
        )

    def test_the_rate_over_the_root_of_epsilon_by_hand(self):
        space = SearchSpace(
            source="test",
            dimensions={
                "eta0_over_sqrt_epsilon": Fixed(fixed=3.0),
                "epsilon": Fixed(fixed=4.0),
                "one_minus_rho": Fixed(fixed=0.1),
                "one_minus_gamma": Fixed(fixed=1.0),
            },
        )
        assert space.derive(space.values(()), budget_steps=1) == pytest.approx(
            {"learning_rate": 6.0, "epsilon": 4.0, "rho": 0.9, "momentum": 0.0}
        )

    def test_decay_steps_are_whole_and_at_least_one(self):
        space = SearchSpace(source="t", dimensions={"decay_steps_fraction": Fixed(fixed=0.01)})
        steps = space.derive(space.values(()), budget_steps=10)["decay_steps"]
        assert (steps, type(steps)) == (1, int)

    def test_decay_steps_are_rounded_to_the_nearest(self):
        space = SearchSpace(source="t", dimensions={"decay_steps_fraction": Fixed(fixed=0.29)})
        steps = space.derive(space.values(()), budget_steps=100)["decay_steps"]
        assert steps == 29  # in floating point 0.29 * 100 < 29

    def test_names_must_be_those_of_the_space(self):
        with pytest.raises(ValueError, match="values must name exactly"):
            SPACE.derive({"epsilon": 1.0}, budget_steps=10)

    def test_values_are_checked(self):
        values = SPACE.values((0.5,) * 5) | {"epsilon": -1.0}
        with pytest.raises(ValueError, match=r"epsilon must lie in .*; got -1.0"):
            SPACE.derive(values, budget_steps=10)

    @pytest.mark.parametrize("value", [math.nan, math.inf, True, "1"])
    def test_values_are_finite_numbers(self, value):
        values = SPACE.values((0.5,) * 5) | {"epsilon": value}
        with pytest.raises(ValueError, match=f"epsilon must be a finite number; got {value!r}"):
            SPACE.derive(values, budget_steps=10)

    def test_every_hyperparameter_is_described(self):
        assert all(h.meaning and h.argument for h in HYPERPARAMETERS.values())


class TestJson:
    def test_round_trip_keeps_values_and_order(self):
        again = SearchSpace.from_json(json.loads(json.dumps(SPACE.to_json())))
        assert again == SPACE
        assert list(again.dimensions) == list(SPACE.dimensions)
        assert "own" not in SPACE.to_json()

    def test_names_of_ones_own_come_back(self):
        own = {"mine": Hyperparameter(argument="mine", meaning="mine", low=1.0, low_open=True)}
        space = SearchSpace(source="test", dimensions={"mine": Fixed(fixed=2.0)}, own=own)
        assert SearchSpace.from_json(json.loads(json.dumps(space.to_json()))) == space

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            ([], "a search space must be"),
            ({"dimensions": []}, r"dimensions must be object; got \[\]"),
            ({"dimensions": {}, "sauce": 1}, "sauce is not known here"),
            ({"dimensions": {}, "source": 1}, "source must be str; got 1"),
            ({"dimensions": {"eta0": 0.1}}, "dimensions.eta0 must be object; got 0.1"),
            ({"dimensions": {"eta0": {}}}, "eta0.kind must be one of .*; got None"),
            ({"dimensions": {"eta0": {"kind": []}}}, r"eta0.kind must be .*; got \[\]"),
            ({"dimensions": {"eta0": {"kind": "normal"}}}, "eta0.kind must be .*; got 'normal'"),
            ({"dimensions": {"eta0": {"kind": "uniform", "low": 1}}}, "eta0.high is missing"),
            (
                {"dimensions": {"eta0": {"kind": "uniform", "low": 1, "high": "x"}}},
                r"dimensions\.eta0\.high must be int \| float; got 'x'",
            ),
            (
                {"dimensions": {"eta0": {"kind": "fixed", "fixed": 1, "low": 1}}},
                r"dimensions\.eta0\.low is not known here",
            ),
            (
                {"dimensions": {}, "own": {"k": {"argument": "k", "meaning": "k", "transform": 1}}},
                r"own\.k\.transform must be",
            ),
            (
                {"dimensions": {"eta0": {"kind": "log_uniform", "low": 0, "high": 1}}},
                "dimensions.eta0: LogUniform low must be > 0",
            ),
            ({"dimensions": {"eta": {"kind": "fixed", "fixed": 1}}}, "got 'eta'"),
        ],
    )
    def test_what_a_person_may_get_wrong_is_named(self, data, message):
        with pytest.raises(ValueError, match=message):
            SearchSpace.from_json(data)
