"""The far side for tests and demos: simulated platforms, market, invented broker and a page."""
