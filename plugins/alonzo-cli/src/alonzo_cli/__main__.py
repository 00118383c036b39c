"""`python -m alonzo_cli` is `alonzo`."""

from ._main import main

if __name__ == "__main__":
    main()
