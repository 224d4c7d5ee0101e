"""Whatever stands in a CSV file: it is a load on a regular grid, or it is refused in words."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.replay import csv_file
from autoscaler.replay.recorded import Unusable

TIMES = st.one_of(
    st.integers(0, 40).map(lambda at: str(60 * at)),
    st.floats().map(str),
    st.datetimes().map(str),
    st.text(max_size=8),
)
VALUES = st.one_of(
    st.floats(0, 1e6).map(str), st.floats().map(str), st.sampled_from(["", "NaN", "-0", "1_0"]), st.text(max_size=5)
)
FILES = st.one_of(
    st.lists(st.tuples(TIMES, VALUES), max_size=25).map(lambda rows: "\n".join(f"{at},{value}" for at, value in rows).encode()),
    st.binary(max_size=200),
)


@settings(max_examples=300, deadline=None)
@given(FILES)
def test_any_file_is_a_load_or_refused_in_words(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "load.csv"
        path.write_bytes(content)
        try:
            found = csv_file.read(path)
        except Unusable:
            return
    assert np.isfinite(found.values).all()
    assert (found.values >= 0).all()
    assert found.step_s > 0
