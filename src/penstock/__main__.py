"""`python -m penstock` is the `penstock` program."""

from penstock.cli.start import run

run()
