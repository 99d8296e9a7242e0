# A CPU that runs one task for 2 * 5 s stops the guest: nothing else will.
mem=1G watchdog_thresh=5 softlockup_panic=1
