"""What platforms say: stored before it is acknowledged, handed to the desk, handled once."""
