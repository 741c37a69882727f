"""What differs between engines, one file for each engine, and nothing else."""
