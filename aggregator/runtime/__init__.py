"""Processes, signals, the system clock, standard output, the socket to the hub, systemd."""
