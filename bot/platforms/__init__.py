"""One folder per chat platform, the same file names in each; nobody imports two of them."""
