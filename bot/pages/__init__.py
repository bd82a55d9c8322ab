"""Pages that a person opens from a card, signed in by the chat program.

``login`` (who it is, asked of the platform) · ``sessions`` (for how long) · ``site`` (addresses and
cookies) · ``todo`` (the pages) · ``html`` (how they look). May import cards, the domain and the
chat vocabulary; knows platforms by ``login.Login`` only.
"""
