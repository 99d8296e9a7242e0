mem=3G time-travel=inf-cpu time-travel-start=0 norandmaps seccomp=auto
