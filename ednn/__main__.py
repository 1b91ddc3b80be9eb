"""`python -m ednn`: the command `ednn`, of this Python."""

import sys

from ednn.commands.main import main

if __name__ == "__main__":
    sys.argv[0] = "python -m ednn"
    main()
