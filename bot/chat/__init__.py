"""The vocabulary of a conversation: the only language between handlers and adapters."""
