# As SMP. Runs take disks in memory: those of a host would be most of the time.
mem=3G seccomp=on ncpus=2 schedstats=enable
