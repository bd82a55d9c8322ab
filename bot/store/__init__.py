"""The store as a whole: its tables' version, its health, and several processes on one."""
