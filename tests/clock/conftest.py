"""What the tests of other rooms stand on."""

from tests.store.test_alert_watch import desks

__all__ = ["desks"]
