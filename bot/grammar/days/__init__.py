"""Every phrase that names a day; ``phrases.scan`` is the way in. Imports only ``bot.grammar``."""
