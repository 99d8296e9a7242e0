# SPDX-License-Identifier: GPL-2.0
#
# The front door. A target calls the script of the same name under scripts/
# and has no logic of its own; `make help` lists them.

BASE ?= 7.3
STACK ?= vanilla
export O V BASE KSRC
export TOPIC

.PHONY: show check bench hit tree fetch install table plot clean help
.PHONY: apply status unapply export module dkms

show:
	@scripts/show.sh

check:
	@scripts/check.sh $(T)

bench:
	@scripts/bench.sh

hit:
	@scripts/hit.sh

tree:
	@scripts/tree.sh -g $(BASE) $(STACK)

apply:
	@scripts/apply.sh

status:
	@scripts/status.sh

unapply:
	@scripts/unapply.sh

export:
	@scripts/export.sh $(TOPIC)

fetch:
	@scripts/fetch.sh $(BASE)

module:
	@scripts/module.sh $(KVER)

dkms:
	@scripts/dkms.sh $(KVER)

install:
	@scripts/install.sh check

table:
	@scripts/table.sh $(BASE)

plot:
	@scripts/plot.sh $(BASE)

clean:
	@scripts/clean.sh

help:
	@scripts/help.sh
