# Debian's own kernel in qemu: no lab in it, and the clock is real.
lab=0
