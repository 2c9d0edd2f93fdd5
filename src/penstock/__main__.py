"""`python -m penstock` is the `penstock` program."""

from penstock.cli.main import run

run()
