"""HOW MUCH: money at risk, minute by minute. May import ``crm``."""
