"""``make bench``: every benchmark, one after the other."""

from benchmarks import acknowledge, book, callback, commands, look_up

acknowledge.main()
callback.main()
look_up.main()
book.main()
commands.main()
