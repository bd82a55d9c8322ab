"""WHAT A PERSON CAN SAY OR CLICK: one file per subject, each with a ``router``.

Speaks the shell's neutral words (``bot.chat``) and the domain's verbs; knows no platform.
"""
