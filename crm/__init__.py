"""WHO: people, clients, what was said and promised. Imports nothing of ours but itself."""
