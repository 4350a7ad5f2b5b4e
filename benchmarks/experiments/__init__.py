"""The experiments of the papers: every number ends in a CSV file, and every figure is drawn from one."""
