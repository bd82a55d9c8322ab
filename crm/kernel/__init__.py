"""Everyone's words: errors, money, clock, calendar, database types, personal data, audit."""
