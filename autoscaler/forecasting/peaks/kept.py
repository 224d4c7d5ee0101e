"""What a model learnt, as plain arrays that may be written down, and a model made of such arrays again.

No pickle, which runs whatever a file says. Nor skops, which names the types that a file may hold but takes their content as it
is: a tree whose node points past its end is followed by compiled code to wherever that is. So every node is looked at here.
Only what predicts is kept; the rest of a scikit-learn model, private and of its version, comes from a fit to nothing, and
arrays of another version are refused.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import sklearn
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from autoscaler.forecasting.peaks.model import PeakModel

Arrays = Mapping[str, NDArray[Any]]

_USED = "used"  # (f,) truth values: which features the model looks at
_VERSION = "scikit_learn"  # (n,) bytes: the version that learnt
_NODES = "nodes"  # (n,) records: the nodes of all trees, one tree behind the other
_ENDS = "ends"  # (trees,) where in them each tree ends
_BASELINE = "baseline"  # (1, 1) what the trees add to
_PLAIN = frozenset({_USED, _VERSION})  # of a model of a load that never moved
_GROWN = _PLAIN | {_NODES, _ENDS, _BASELINE}
_MOST_FEATURES = 4096  # far beyond what a moment has; a fit to nothing of that many takes no room


class NotAModel(Exception):
    """Arrays that no model can be made of; the message says why. What they held is to be learnt again."""


def model_arrays(model: PeakModel) -> dict[str, NDArray[Any]]:
    """Return what a model needs to predict as it does now, as arrays without objects; some 100 KB."""
    found: dict[str, NDArray[Any]] = {_USED: model.used, _VERSION: np.frombuffer(sklearn.__version__.encode(), dtype=np.uint8)}
    if model.trees is None:
        return found
    trees = [tree.nodes for (tree,) in model.trees._predictors]  # noqa: SLF001 - nothing public holds them
    found[_NODES] = np.concatenate(trees)
    found[_ENDS] = np.cumsum([tree.size for tree in trees])
    found[_BASELINE] = model.trees._baseline_prediction  # noqa: SLF001 - likewise
    return found


def model_from(arrays: Arrays) -> PeakModel:
    """Return a model that predicts to the last bit as the one that `model_arrays` was given.

    Raises `NotAModel` where the arrays are not all there, of another version of scikit-learn, or not those of a model.
    """
    if set(arrays) not in (_PLAIN, _GROWN):
        raise NotAModel(f"a model has the arrays {', '.join(sorted(_GROWN))}, and there are {', '.join(sorted(arrays))}")
    version = arrays[_VERSION].tobytes()[:32].decode("ascii", "replace")
    if version != sklearn.__version__:
        raise NotAModel(f"it was learnt by scikit-learn {version}, and this is {sklearn.__version__}")
    used = arrays[_USED]
    if used.dtype != np.bool_ or used.ndim != 1 or used.size > _MOST_FEATURES:
        raise NotAModel(f"the features it uses are {used.dtype} of the shape {used.shape}, not a row of truth values")
    return PeakModel(None if _NODES not in arrays else _grown(arrays, int(used.sum())), used)


def _grown(arrays: Arrays, features: int) -> HistGradientBoostingRegressor:
    """Return the trees, put into a model that was fitted to nothing."""
    if not features:
        raise NotAModel("it has trees, and looks at no feature")
    made = HistGradientBoostingRegressor(loss="quantile", quantile=0.5, max_iter=1, early_stopping=False)
    with threadpool_limits(1):
        made.fit(np.zeros((2, features)), np.zeros(2))
    bare = made._predictors[0][0]  # noqa: SLF001 - nothing public holds it
    nodes, baseline = arrays[_NODES], arrays[_BASELINE]
    if nodes.dtype != bare.nodes.dtype or nodes.ndim != 1:
        raise NotAModel("its nodes have other fields than those of this version of scikit-learn")
    if baseline.dtype != np.float64 or baseline.shape != (1, 1) or not np.isfinite(baseline).all():
        raise NotAModel(f"what its trees add to is {baseline.dtype} of the shape {baseline.shape}, not one number")
    trees = _cut(nodes, arrays[_ENDS])
    for tree in trees:
        _look_at(tree, features)
    bits = bare.binned_left_cat_bitsets, bare.raw_left_cat_bitsets  # of categories, of which there are none
    made._predictors = [[type(bare)(tree, *bits)] for tree in trees]  # noqa: SLF001 - likewise
    made._baseline_prediction = baseline  # noqa: SLF001 - likewise
    return made


def _cut(nodes: NDArray[Any], ends: NDArray[Any]) -> list[NDArray[Any]]:
    """Return the nodes of each tree."""
    if (
        ends.dtype != np.int64
        or ends.ndim != 1
        or not ends.size
        or ends[-1] != nodes.size
        or (np.diff(ends, prepend=0) < 1).any()
    ):
        raise NotAModel("where its trees end does not fit their nodes")
    return [np.ascontiguousarray(tree) for tree in np.split(nodes, ends[:-1])]


def _look_at(tree: NDArray[Any], features: int) -> None:
    """Raise `NotAModel` unless every walk from the root ends at a leaf with a number.

    A child stands behind its parent, as scikit-learn puts them, so no walk goes in a circle.
    """
    leaf, at = tree["is_leaf"], np.arange(tree.size)
    inner = tree[leaf == 0]
    told = (leaf <= 1).all() and not tree["is_categorical"].any() and np.isfinite(tree["value"]).all()
    known = ((inner["feature_idx"] >= 0) & (inner["feature_idx"] < features)).all()
    ahead = all(((inner[side] > at[leaf == 0]) & (inner[side] < tree.size)).all() for side in ("left", "right"))
    if not (told and known and ahead):
        raise NotAModel("a node of its trees leads nowhere, or to no number")
