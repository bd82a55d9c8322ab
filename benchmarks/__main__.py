"""``make bench``: every benchmark, one after the other; half an hour on a quiet machine."""

from benchmarks import acknowledge, book, callback, commands, idle, look_up, start

acknowledge.main()
callback.main()
look_up.main()
book.main()
commands.main()
start.main()
idle.main()
