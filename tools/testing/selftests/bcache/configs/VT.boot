# The clock starts at zero, so that nothing depends on the host's date.
mem=1G time-travel=inf-cpu time-travel-start=0
