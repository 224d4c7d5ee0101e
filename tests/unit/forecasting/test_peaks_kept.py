"""A model that was written down as arrays and made again says the same, and arrays that are none are refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autoscaler.forecasting.peaks.kept import NotAModel, model_arrays, model_from
from autoscaler.forecasting.peaks.model import PeakModel, Rows, fit

Arrays = dict[str, np.ndarray[Any, Any]]
RANDOM = np.random.default_rng(7)
MOMENTS = RANDOM.normal(size=(3000, 12)).astype(np.float32)
MOMENTS[RANDOM.random(MOMENTS.shape) < 0.1] = np.nan
MOMENTS[:, 5] = np.nan  # never known, so not used


def a_model(*, moves: bool = True) -> PeakModel:
    rises = np.maximum(np.nan_to_num(MOMENTS[:, 0]) + RANDOM.normal(0, 0.3, len(MOMENTS)), 0.0)
    return fit([Rows(MOMENTS, rises if moves else np.zeros(len(MOMENTS)))])


@pytest.fixture(scope="module")
def model() -> PeakModel:
    return a_model()


@pytest.fixture
def arrays(model: PeakModel) -> Arrays:
    return {name: array.copy() for name, array in model_arrays(model).items()}


def test_a_model_made_again_says_the_same_to_the_last_bit(model: PeakModel, arrays: Arrays) -> None:
    again = model_from(arrays)
    unseen = np.random.default_rng(8).normal(0, 2, size=(500, 12)).astype(np.float32)
    for rows in (MOMENTS, unseen, np.full((1, 12), np.nan, dtype=np.float32)):
        assert again.rises(rows).tobytes() == model.rises(rows).tobytes()
    assert np.unique(model.rises(MOMENTS)).size > 50
    assert again.used.tobytes() == model.used.tobytes()
    assert {name: array.tobytes() for name, array in model_arrays(again).items()} == {
        name: array.tobytes() for name, array in arrays.items()
    }


def test_a_model_of_a_load_that_never_moved_is_kept_too() -> None:
    flat = a_model(moves=False)
    again = model_from(model_arrays(flat))
    assert (flat.trees, again.trees) == (None, None)
    assert again.used.tolist() == flat.used.tolist()
    assert again.rises(MOMENTS).tolist() == [0.0] * len(MOMENTS)


def test_nothing_of_it_is_an_object(arrays: Arrays) -> None:
    assert not any(array.dtype.hasobject for array in arrays.values())
    assert sum(array.nbytes for array in arrays.values()) < 200_000


def node(field: str, value: float, *, leaf: bool = False) -> Callable[[Arrays], None]:
    """Change a field of a node that is a leaf, or is none."""

    def change(arrays: Arrays) -> None:
        at = int(np.flatnonzero(arrays["nodes"]["is_leaf"] == leaf)[0])
        arrays["nodes"][field][at] = value

    return change


def put(name: str, array: np.ndarray[Any, Any]) -> Callable[[Arrays], None]:
    return lambda arrays: arrays.update({name: array})


WRONG: dict[str, tuple[Callable[[Arrays], Any], str]] = {
    "an array is missing": (lambda arrays: arrays.pop("ends"), "has the arrays"),
    "there is another": (put("more", np.zeros(1)), "has the arrays"),
    "another version of scikit-learn": (put("scikit_learn", np.frombuffer(b"0.1.2", np.uint8)), "by scikit-learn 0.1.2"),
    "a version that is no text": (put("scikit_learn", np.full(9, 255, np.uint8)), "by scikit-learn"),
    "features that are numbers": (put("used", np.ones(12)), "not a row of truth values"),
    "no feature": (put("used", np.zeros(12, dtype=np.bool_)), "looks at no feature"),
    "fewer features": (put("used", np.arange(12) < 2), "leads nowhere"),
    "a million features": (put("used", np.ones(1_000_000, dtype=np.bool_)), "not a row of truth values"),
    "nodes of other fields": (put("nodes", np.zeros(9)), "other fields"),
    "a baseline of two": (put("baseline", np.zeros((1, 2))), "not one number"),
    "a baseline that is none": (put("baseline", np.full((1, 1), np.nan)), "not one number"),
    "no tree": (put("ends", np.zeros(0, dtype=np.int64)), "does not fit"),
    "a tree without nodes": (lambda arrays: arrays["ends"].__setitem__(1, arrays["ends"][0]), "does not fit"),
    "trees beyond the nodes": (lambda arrays: arrays["ends"].__setitem__(-1, 1 << 40), "does not fit"),
    "a child beyond the tree": (node("left", 1 << 31), "leads nowhere"),
    "a child that is its parent": (node("right", 0), "leads nowhere"),
    "a feature that is not there": (node("feature_idx", 11), "leads nowhere"),
    "a feature before the first": (node("feature_idx", -1), "leads nowhere"),
    "a category": (node("is_categorical", 1), "leads nowhere"),
    "neither leaf nor not": (node("is_leaf", 7, leaf=True), "leads nowhere"),
    "a leaf without a number": (node("value", np.nan, leaf=True), "leads nowhere"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_model_is_refused(case: str, arrays: Arrays) -> None:
    change, why = WRONG[case]
    change(arrays)
    with pytest.raises(NotAModel, match=why):
        model_from(arrays)
