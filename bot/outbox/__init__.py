"""What is shown: written in the command's transaction, delivered after it, given up in the open."""
