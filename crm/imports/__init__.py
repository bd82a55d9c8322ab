"""Excel and csv files into the client file."""
