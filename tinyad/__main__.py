"""`python -m tinyad`."""

import sys

from tinyad.cli import main

if __name__ == "__main__":
    sys.exit(main())
