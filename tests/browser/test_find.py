import os
from pathlib import Path

import pytest

from tests.browser import find


def program(path: Path) -> Path:
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BROWSER_PATH", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(find, "MACOS", ())
    monkeypatch.setattr(find, "_downloaded", list)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)


def test_the_variable_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program(tmp_path / "chromium")
    named = program(tmp_path / "my-browser")
    monkeypatch.setenv("BROWSER_PATH", str(named))
    assert find.find(print) == named


def test_a_variable_that_names_nothing_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROWSER_PATH", "/nowhere/chromium")
    with pytest.raises(find.BrowserNotFoundError, match="/nowhere/chromium, which is not"):
        find.find(print)


def test_then_the_path_then_the_download(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    download = program(tmp_path / "downloaded")
    monkeypatch.setattr(find, "_downloaded", lambda: [download])
    assert find.find(print) == download
    on_path = program(tmp_path / "google-chrome")
    assert find.find(print) == on_path


def test_where_there_is_none_one_line_says_what_to_do() -> None:
    with pytest.raises(find.BrowserNotFoundError) as raised:
        find.find(print)
    message = str(raised.value)
    assert "\n" not in message
    assert "make test BROWSER=0" in message


def test_root_on_debian_is_told_before_the_package_is_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # The stand-in for apt-get notes its arguments, and installs a browser.
    log = tmp_path / "log"
    apt = program(tmp_path / "apt-get")
    apt.write_text(
        f'#!/bin/sh\necho "$@" >> {log}\n'
        f'if [ "$1" = install ]; then printf "#!/bin/sh" > {tmp_path}/chromium; '
        f"/bin/chmod 755 {tmp_path}/chromium; fi\n"
    )
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(find, "_is_debian", lambda: True)
    said: list[str] = []

    def say(line: str) -> None:
        assert not log.exists()
        said.append(line)

    assert find.find(say) == tmp_path / "chromium"
    assert said == ["Installing Debian's package chromium for the browser tests."]
    assert log.read_text().splitlines()[-1].endswith("chromium")
