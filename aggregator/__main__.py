"""`python -m aggregator` and the command `aggregator`.

The commands are imported late: worker processes load this module again, and need none of them.
"""


def main() -> None:
    """Run the command line."""
    from aggregator.cli import main as run

    run()


if __name__ == "__main__":
    main()
