# SPDX-License-Identifier: GPL-2.0
#
# The front door. A target calls the script of the same name under scripts/
# and has no logic of its own; `make help` lists them.

export O V BASE KSRC STACK TOPIC T N SEED

.PHONY: show check bench crash faults hit tree fetch install table plot clean help
.PHONY: apply status unapply export module dkms htmldocs

show:
	@scripts/lab/show.sh

check:
	@scripts/checks/check.sh $(T)

bench:
	@scripts/lab/bench.sh

crash:
	@scripts/lab/crash.sh

faults:
	@scripts/lab/faults.sh

hit:
	@scripts/doors/hit.sh

tree:
	@scripts/lab/tree.sh -g

apply:
	@scripts/doors/apply.sh

status:
	@scripts/doors/status.sh

unapply:
	@scripts/doors/unapply.sh

export:
	@scripts/doors/export.sh $(TOPIC)

fetch:
	@scripts/lab/fetch.sh

module:
	@scripts/doors/module.sh $(KVER)

dkms:
	@scripts/doors/dkms.sh $(KVER)

install:
	@scripts/lab/install.sh check

htmldocs:
	@scripts/doors/htmldocs.sh

table:
	@scripts/lab/table.sh

plot:
	@scripts/lab/plot.sh

clean:
	@scripts/lab/clean.sh

help:
	@scripts/doors/help.sh $(T)
