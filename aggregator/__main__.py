"""`python -m aggregator` and the command `aggregator`.

The commands are imported late: worker processes load this module again, and need none of them.
"""


def main() -> None:
    """Run the command line."""
    try:
        from aggregator.cli import main as run

        run()
    except KeyboardInterrupt:  # before anything had begun
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
