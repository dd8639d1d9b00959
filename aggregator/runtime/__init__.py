"""Processes, signals, the system clock, the terminal, the socket of our hub."""
