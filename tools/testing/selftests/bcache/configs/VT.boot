# The clock starts at zero, so that nothing depends on the host's date. Where a
# program lies in memory is drawn by lot, and decides when it faults a page in.
mem=1G time-travel=inf-cpu time-travel-start=0 norandmaps seccomp=auto
