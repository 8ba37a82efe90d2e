"""One small migration for each group of tables, numbered in order."""
