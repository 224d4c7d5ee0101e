import re
from pathlib import Path

import pytest

from autoscaler.errors import InvalidSettings
from autoscaler.settings import Settings
from autoscaler.settings_file import Given, load, masked

FLAG = Given(("prometheus", "url"), "http://flag:9090", "flag --prometheus-url", text=True)


def a_file(folder: Path, text: str) -> Path:
    path = folder / "settings.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def problem(file: Path | None = None, environ: dict[str, str] | None = None, *flags: Given) -> str:
    with pytest.raises(InvalidSettings) as caught:
        load(file, environ or {}, flags)
    return str(caught.value)


def test_nothing_given_means_the_defaults() -> None:
    assert load(None, {"PATH": "/bin"}) == Settings()


def test_a_file_counts_more_than_the_default_the_environment_more_and_a_flag_most(tmp_path: Path) -> None:
    file = a_file(tmp_path, "prometheus: {url: 'http://file', job: file, timeout_s: 3}\n")
    environ = {"FORESAIL_PROMETHEUS__URL": "http://env", "FORESAIL_PROMETHEUS__JOB": "env"}
    got = load(file, environ, [FLAG]).prometheus
    assert (got.url, got.job, got.timeout_s, got.rate_window_s) == ("http://flag:9090", "env", 3.0, 60)


def test_the_environment_is_read_as_the_type_that_the_setting_has() -> None:
    got = load(
        None,
        {
            "FORESAIL_ACTS": "false",
            "FORESAIL_WEB__PORT": "9000",
            "FORESAIL_SCALING__TOLERANCE": "0.2",
            "FORESAIL_KUBERNETES__NAMESPACES": "shop, cart",
            "FORESAIL_NOTIFY__WEBHOOKS": '[{"name": "chat", "url": "https://chat.example/hook"}]',
        },
    )
    assert (got.acts, got.web.port, got.scaling.tolerance) == (False, 9000, 0.2)
    assert got.kubernetes.namespaces == ("shop", "cart")
    assert got.notify.webhooks[0].name == "chat"


def test_every_wrong_value_is_named_with_its_key_its_source_and_what_is_allowed(tmp_path: Path) -> None:
    file = a_file(tmp_path, "prometheus: {timeout_s: -1}\nlog: {level: loud}\nscaling: 5\n")
    text = problem(file, {"FORESAIL_WEB__PORT": "http"}, Given(("acts",), "maybe", "flag --acts", text=True))
    assert f"prometheus.timeout_s from file {file}: is -1; allowed is a number > 0" in text
    assert f"log.level from file {file}: is 'loud'; allowed is one of" in text
    assert f"scaling from file {file}: is 5; allowed is a section with sync_period_s" in text
    assert "web.port from environment FORESAIL_WEB__PORT: is 'http'; allowed is a whole number >= 0 and <= 65535" in text
    assert "acts from flag --acts: is 'maybe'; allowed is true or false" in text


def test_an_unknown_key_stops_the_start_and_the_nearest_is_suggested(tmp_path: Path) -> None:
    text = problem(a_file(tmp_path, "prometheus: {urll: x}\nnothing: 1\n"))
    assert "prometheus.urll" in text
    assert "did you mean prometheus.url?" in text
    assert "nothing from file" in text


def test_an_unknown_variable_of_ours_stops_the_start() -> None:
    assert "promtheus.url from environment FORESAIL_PROMTHEUS__URL" in problem(None, {"FORESAIL_PROMTHEUS__URL": "x"})


def test_a_section_cannot_be_given_as_one_value() -> None:
    assert "web from environment FORESAIL_WEB" in problem(None, {"FORESAIL_WEB": "8080"})


@pytest.mark.parametrize(
    "name",
    [
        "FORESAIL_SERVICE_HOST",
        "FORESAIL_SERVICE_PORT",
        "FORESAIL_SERVICE_PORT_HTTP",
        "FORESAIL_PORT",
        "FORESAIL_PORT_8080_TCP",
        "FORESAIL_PORT_8080_TCP_ADDR",
        "FORESAIL_EXPORTER_SERVICE_HOST",
        "FORESAIL_EXPORTER_PORT_9109_TCP_PROTO",
    ],
)
def test_variables_that_kubernetes_sets_for_a_service_of_our_name_are_not_settings(name: str) -> None:
    assert load(None, {name: "tcp://10.0.0.1:8080"}) == Settings()


def test_a_section_without_content_is_a_section_without_settings(tmp_path: Path) -> None:
    assert load(a_file(tmp_path, "prometheus:\nweb: {}\n"), {}) == Settings()
    assert load(a_file(tmp_path, ""), {}) == Settings()


@pytest.mark.parametrize("text", ["- a list\n", "just words\n", "a: [1\n"])
def test_a_file_that_is_no_mapping_is_named(tmp_path: Path, text: str) -> None:
    assert str(tmp_path) in problem(a_file(tmp_path, text))


def test_a_key_that_stands_twice_is_named_with_both_lines(tmp_path: Path) -> None:
    text = problem(a_file(tmp_path, "acts: true\nlog: {level: info}\nacts: false\n"))
    assert "acts" in text
    assert "line 1" in text
    assert "line 3" in text


def test_a_file_of_two_documents_is_refused(tmp_path: Path) -> None:
    assert "it holds 2 documents" in problem(a_file(tmp_path, "acts: true\n---\nacts: false\n"))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    text = problem(tmp_path / "nowhere.yaml")
    assert "nowhere.yaml" in text
    assert "No such file" in text


def test_numbers_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    assert "finite" in problem(a_file(tmp_path, "scaling: {sync_period_s: .inf}\n"))
    assert "scaling.tolerance" in problem(None, {"FORESAIL_SCALING__TOLERANCE": "nan"})


def test_settings_that_contradict_each_other_are_refused() -> None:
    lease = {"FORESAIL_LEADER_ELECTION__RENEW_DEADLINE_S": "20"}
    assert "renew_deadline_s < lease_duration_s" in problem(None, lease)
    assert "forecast.expiry_s" in problem(None, {"FORESAIL_FORECAST__REFRESH_S": "300"})
    for url in ("prometheus:9090", "http://prometheus:abc", "http://prometheus:99999", "http://[::1"):
        assert "prometheus.url: must be an absolute URL" in problem(None, {"FORESAIL_PROMETHEUS__URL": url})
    for address in ("scheduler:8786", "http://scheduler:8786", "tcp://scheduler", "tcp://scheduler:0", "tcp://a/b:8786"):
        given = {"FORESAIL_FORECAST__DASK_ADDRESS": address}
        assert "forecast.dask_address: must be the address of a Dask scheduler" in problem(None, given)
    for address in ("", "tcp://scheduler:8786", "tls://dask.svc:8786", "tcp://[fd00::1]:8786"):
        assert load(None, {"FORESAIL_FORECAST__DASK_ADDRESS": address}).forecast.dask_address == address


@pytest.mark.parametrize("urls", ["", ', "url": "https://chat.example/hush", "url_file": "/etc/url"'])
def test_a_receiver_has_exactly_one_of_a_url_and_a_file_with_one(urls: str) -> None:
    text = problem(None, {"FORESAIL_NOTIFY__WEBHOOKS": f'[{{"name": "chat"{urls}}}]'})
    assert "notify.webhooks chat: exactly one of url and url_file must be given" in text
    assert "hush" not in text


def test_a_receiver_with_a_file_for_its_url_is_shown_with_the_file() -> None:
    got = load(None, {"FORESAIL_NOTIFY__WEBHOOKS": '[{"name": "chat", "url_file": "/etc/url"}]'})
    shown = masked(got)["notify"]["webhooks"][0]
    assert (shown["url"], shown["url_file"]) == ("", "/etc/url")


def test_what_is_wrong_inside_a_list_says_where_without_showing_the_secret() -> None:
    text = problem(None, {"FORESAIL_NOTIFY__WEBHOOKS": '[{"name": "chat", "url": 5, "secret_file": "hush"}]'})
    assert "notify.webhooks[0].url" in text
    assert "hush" not in text


def test_what_may_be_secret_is_masked() -> None:
    got = load(
        None,
        {
            "FORESAIL_PROMETHEUS__URL": "https://me:hush@prometheus.example/api",
            "FORESAIL_NOTIFY__WEBHOOKS": '[{"name": "chat", "url": "https://chat.example/hush?token=hush"}]',
        },
    )
    tree = masked(got)
    assert "hush" not in str(tree)
    assert tree["prometheus"]["url"] == "https://********@prometheus.example/api"
    assert tree["notify"]["webhooks"][0]["url"] == "https://chat.example/********"


@pytest.mark.parametrize("text", ["[" * 5000, "acts: [true", "acts:\n\t- 1"])
def test_yaml_that_cannot_be_read_is_one_message_with_the_file(tmp_path: Path, text: str) -> None:
    assert re.search(r"reading the settings file \S+settings.yaml: .+", problem(a_file(tmp_path, text)))


def test_an_impossible_date_is_a_text_like_any_other(tmp_path: Path) -> None:
    assert "log.level" in problem(a_file(tmp_path, "log: {level: 2021-99-99}"))


def test_the_demonstration_s_own_variables_are_no_settings() -> None:
    assert load(None, {"FORESAIL_CACHE": "/somewhere", "FORESAIL_HELM": "/bin/helm"}) == Settings()
