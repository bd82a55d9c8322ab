"""``make bench``: every benchmark, one after the other."""

from benchmarks import acknowledge, commands, look_up

acknowledge.main()
look_up.main()
commands.main(40)
