"""`python -m summable`."""

from summable.cli import main

main()
