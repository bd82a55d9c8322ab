"""MAY WE: flows as data. May import ``crm``."""
