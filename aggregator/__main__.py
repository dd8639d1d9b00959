"""`python -m aggregator` and the command `aggregator`.

The commands are imported late: worker processes load this module again, and need none of them.
"""

import sys
import warnings

from aggregator.errors import OutputError
from aggregator.runtime import child_processes, terminal

_BROKEN_PIPE = 141  # as a shell has it of a program that SIGPIPE ended


def main() -> None:
    """Run the command line."""
    child_processes.ignore_hangups()
    terminal.prepare()
    if not sys.warnoptions:  # they are for who writes Python; child processes are told so, too
        warnings.simplefilter("ignore")
        sys.warnoptions.append("ignore")
    try:
        from aggregator.cli import main as run

        try:
            run()
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:  # before anything had begun
        raise SystemExit(130) from None
    except OutputError as error:
        if error.closed:
            raise SystemExit(_BROKEN_PIPE) from None
        sys.stderr.write(f"{error}\n")
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
