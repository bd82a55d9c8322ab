"""Our values to cards and pictures; one file per subject, text.py formats money and time."""
