"""The open API for other systems: trading data in, risk out. Tokens with scopes, JSON, no pages but
its own documentation."""
