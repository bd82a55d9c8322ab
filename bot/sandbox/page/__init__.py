"""The chat page of the sandbox: plain HTML, CSS and ES modules, served as they lie here."""

from pathlib import Path

PAGE_DIR = Path(__file__).parent
