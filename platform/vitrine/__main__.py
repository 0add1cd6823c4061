"""`python -m vitrine`, where the command is not on the path."""

from vitrine.cli.app import main

main()
