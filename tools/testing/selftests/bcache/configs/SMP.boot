# Several CPUs need seccomp mode; hung tasks are looked for every 40 s.
mem=1G seccomp=on ncpus=2 hung_task_timeout_secs=40
