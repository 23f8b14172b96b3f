"""Questions: batch functions that answer one edge for many rows with one statement."""
