"""`python -m aggregator` and the command `aggregator`.

The commands are imported late: worker processes load this module without using any command.
"""

import sys
import warnings

from aggregator.errors import OutputError
from aggregator.runtime import child_processes, terminal

_BROKEN_PIPE = 141  # exit status in a shell of a program that SIGPIPE ended


def main() -> None:
    """Run the command line."""
    child_processes.ignore_hangups()
    terminal.prepare()
    if not sys.warnoptions:  # warnings are for developers; child processes inherit the option
        warnings.simplefilter("ignore")
        sys.warnoptions.append("ignore")
    try:
        from aggregator.cli import main as run

        try:
            run()
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:  # before any work began
        raise SystemExit(130) from None
    except OutputError as error:
        if error.closed:
            raise SystemExit(_BROKEN_PIPE) from None
        sys.stderr.write(f"{error}\n")
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
