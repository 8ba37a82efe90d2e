"""What Modelport costs, measured side by side in one run. `make bench` runs it; it writes docs/cost.md."""
