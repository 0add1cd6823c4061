"""`python -m inference models install|add|list|verify`."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from inference.cards import Card, DetectorCard
from inference.catalogue import DEFAULT_DETECTOR, DEFAULT_EMBEDDER, Catalogue
from inference.errors import InferenceError
from inference.sessions import SessionOptions

Command = Callable[[Catalogue, argparse.Namespace], None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0, or 1 after an error that is printed."""
    chosen = _build_parser().parse_args(arguments)
    command: Command = chosen.command
    try:
        command(Catalogue(chosen.models_dir), chosen)
    except InferenceError as error:
        sys.stderr.write(f"error ({error.code}): {error}\n")
        return 1
    return 0


def find_models_dir() -> Path:
    """VITRINE_MODELS, else `var/models` under the working directory."""
    named = os.environ.get("VITRINE_MODELS")
    return Path(named) if named else Path.cwd() / "var" / "models"


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m inference", description="Vitrine's models.")
    models = parser.add_subparsers(required=True).add_parser(
        "models", help="fetch, add, list and check models"
    )
    commands = models.add_subparsers(required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--models-dir", type=Path, default=find_models_dir(), help="default: %(default)s")
    runtime = argparse.ArgumentParser(add_help=False)
    runtime.add_argument("--provider", choices=("openvino", "cpu"), default="openvino")
    runtime.add_argument("--precision", choices=("auto", "f32", "bf16"), default="auto")

    install = commands.add_parser("install", parents=[common], help="fetch and convert the built-in models")
    install.add_argument("names", nargs="*", help="default: all of them")
    install.set_defaults(command=_install)
    add = commands.add_parser("add", parents=[common, runtime], help="register a model of your own")
    add.add_argument("card", type=Path, help="the card, TOML or JSON")
    add.add_argument("--onnx", type=Path, help="the ONNX file; default: the card's `file`, beside the card")
    add.set_defaults(command=_add)
    commands.add_parser("list", parents=[common], help="all models").set_defaults(command=_list)
    verify = commands.add_parser("verify", parents=[common, runtime], help="check hashes and results")
    verify.add_argument("names", nargs="*", help="default: all that are installed")
    verify.set_defaults(command=_verify)
    return parser


def _install(catalogue: Catalogue, chosen: argparse.Namespace) -> None:
    for report in catalogue.install(chosen.names or None):
        state = f"fetched and converted from {report.card.source}" if report.made else "already there"
        _say(f"{report.card.name}: {state}; licence {report.card.licence}")


def _add(catalogue: Catalogue, chosen: argparse.Namespace) -> None:
    card = catalogue.add(chosen.card, onnx_file=chosen.onnx, session=_read_session(chosen))
    _say(f"{card.name}: added, sha256 {card.sha256}")


def _list(catalogue: Catalogue, chosen: argparse.Namespace) -> None:
    del chosen
    for card in catalogue.cards():
        state = "installed" if catalogue.is_installed(card) else "not installed"
        _say(f"{card.name}: {_describe(card)}, {state}{_mark_default(card.name)}")
        _say(f"    licence {card.licence}")
        _say(f"    source  {card.source}")


def _verify(catalogue: Catalogue, chosen: argparse.Namespace) -> None:
    passed = catalogue.verify(chosen.names or None, session=_read_session(chosen))
    for card in passed:
        _say(f"{card.name}: good")
    if not passed:
        _say("No model is installed. Run: python -m inference models install")


def _read_session(chosen: argparse.Namespace) -> SessionOptions:
    return SessionOptions(provider=chosen.provider, precision=chosen.precision)


def _describe(card: Card) -> str:
    size = f"{card.input.width} x {card.input.height}"
    if isinstance(card, DetectorCard):
        return f"detector, {size}, {card.output_convention}"
    return f"embedder, {size}, {card.dim} dimensions"


def _mark_default(name: str) -> str:
    return ", default" if name in (DEFAULT_DETECTOR, DEFAULT_EMBEDDER) else ""


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
