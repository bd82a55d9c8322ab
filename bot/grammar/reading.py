"""A line understood: which verb, of whom, saying what, due when."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from bot.chat.message import Place
from bot.grammar import command, talk
from bot.grammar.command import Heard
from bot.grammar.dates import NONE, Due
from bot.grammar.normalise import Line, normalise
from bot.grammar.who import Found, Hit, Query, bounded
from crm.kernel.calendar import Calendar
