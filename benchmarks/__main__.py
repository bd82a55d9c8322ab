"""``make bench``: every benchmark, one after the other."""

from benchmarks import acknowledge, look_up

acknowledge.main()
look_up.main()
