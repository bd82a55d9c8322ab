"""How a line is understood: pure functions, no I/O. ``understand.spans`` and ``understand.read``
are the way in. Imports ``bot.chat.message`` and ``crm.kernel``, ``crm.names``; nobody else's."""
