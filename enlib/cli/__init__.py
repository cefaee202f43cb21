"""What ``python -m enlib`` can do, one module per command."""
