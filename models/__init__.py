"""What is true: rows, rules, refusals, access."""
