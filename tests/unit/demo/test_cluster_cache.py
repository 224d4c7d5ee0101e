"""Where the embedded cluster keeps its things, and what it never removes."""

from pathlib import Path

import pytest

from demo.cluster import ClusterError
from demo.cluster.cache import Cache, remove_tree


def test_the_cache_is_where_its_own_variable_says() -> None:
    environ = {"FORESAIL_CACHE": "/srv/one", "XDG_CACHE_HOME": "/srv/two", "HOME": "/home/u"}
    assert Cache.locate(environ).root == Path("/srv/one")


def test_without_its_variable_the_cache_follows_the_desktop_s_rule() -> None:
    assert Cache.locate({"XDG_CACHE_HOME": "/srv/two", "HOME": "/home/u"}).root == Path("/srv/two/foresail")


def test_without_any_variable_the_cache_is_in_the_home() -> None:
    assert Cache.locate({"HOME": "/home/u"}).root == Path("/home/u/.cache/foresail")


def test_a_new_cache_is_marked_and_can_be_removed(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "new")
    cache.ensure()
    cache.ensure()
    (cache.root / "bin").mkdir()
    cache.remove()
    assert not cache.root.exists()
    cache.remove()


def test_a_folder_with_somebody_else_s_files_is_not_taken_as_cache(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(ClusterError, match="holds files that are not ours"):
        Cache(tmp_path).ensure()


def test_a_folder_without_our_mark_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(ClusterError, match="does not carry our mark"):
        Cache(tmp_path).remove()
    assert (tmp_path / "thesis.tex").exists()


def test_a_link_is_removed_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    remove_tree(tmp_path / "link")
    assert (tmp_path / "kept").is_dir()
    assert not (tmp_path / "link").is_symlink()
