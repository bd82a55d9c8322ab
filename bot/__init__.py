"""THE SHELL: everything that waits for the outside (platforms, store, clock, web, sandbox).

May import every package below it. Only ``bot.app`` knows all of them.
"""
