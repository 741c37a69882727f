"""`python -m innkeeper` is the `innkeeper` command.

It must never do anything of its own.
"""

from innkeeper.cli.main import main

if __name__ == "__main__":
    main()
