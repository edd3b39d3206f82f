"""A whole cluster in one process, run by a seed: real code, simulated disks, clocks and deaths."""
