# Sourced by the scripts beside it: finds what the tests need, or installs it on Debian and its kin.
# shellcheck shell=bash

stop() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# as_root COMMAND… runs a command as root, by sudo where that works without a password.
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
		sudo -n "$@"
	else
		return 1
	fi
}

# install PACKAGE… installs Debian packages. Its output is shown only when it fails.
install() {
	command -v apt-get >/dev/null || return 1
	printf 'installing %s\n' "$*"
	local log
	log=$(mktemp)
	if as_root env DEBIAN_FRONTEND=noninteractive apt-get update >"$log" 2>&1 &&
		as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >>"$log" 2>&1; then
		rm -f "$log"
		return 0
	fi
	tail -n 20 "$log" >&2
	rm -f "$log"
	return 1
}

# require_c_compiler makes sure that cgo can compile, which the race detector needs.
require_c_compiler() {
	local compiler
	compiler=$(go env CC)
	command -v "${compiler%% *}" >/dev/null && return
	install gcc libc6-dev && command -v "${compiler%% *}" >/dev/null && return
	stop "the race detector needs a C compiler and there is none ($compiler); install gcc (as root: apt-get install gcc libc6-dev)"
}

# require_chromium sets DOSSIER_CHROMIUM to the path of a headless browser.
require_chromium() {
	[ -z "${DOSSIER_CHROMIUM:-}" ] || {
		[ -x "$DOSSIER_CHROMIUM" ] || stop "DOSSIER_CHROMIUM is $DOSSIER_CHROMIUM, which is no program"
		export DOSSIER_CHROMIUM
		return
	}
	find_chromium && return
	install chromium-headless-shell && find_chromium && return
	install chromium && find_chromium && return
	stop "the demo's test needs a headless browser and there is none; install chromium-headless-shell or chromium, or set DOSSIER_CHROMIUM to its path, or run with DOSSIER_REQUIRE=none to skip what is missing"
}

find_chromium() {
	local name
	for name in chromium-headless-shell chromium chromium-browser google-chrome; do
		if DOSSIER_CHROMIUM=$(command -v "$name"); then
			export DOSSIER_CHROMIUM
			return 0
		fi
	done
	return 1
}

# require_node makes sure that Node.js and its package manager are there, which Azurite needs.
require_node() {
	command -v node >/dev/null && command -v npm >/dev/null && return
	install nodejs npm && command -v node >/dev/null && command -v npm >/dev/null && return
	stop "the Azure tests need Node.js with npm and there is none; install nodejs and npm, or run with DOSSIER_REQUIRE=none to skip what is missing"
}

# require_databases makes sure that the programs of PostgreSQL and MariaDB are there, and the shells of all three databases;
# tests start servers of their own.
require_databases() {
	if ! find_postgresql; then
		# Debian's package would make and start a cluster of its own.
		as_root mkdir -p /etc/postgresql-common &&
			printf 'create_main_cluster = false\n' | as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
		install postgresql && find_postgresql ||
			stop "the tests need PostgreSQL and there is none; install postgresql, or run with DOSSIER_REQUIRE=none to skip what is missing"
	fi
	command -v psql >/dev/null || { install postgresql-client && command -v psql >/dev/null; } ||
		stop "the tests need PostgreSQL's shell and there is none; install postgresql-client, or run with DOSSIER_REQUIRE=none to skip what is missing"
	command -v sqlite3 >/dev/null || { install sqlite3 && command -v sqlite3 >/dev/null; } ||
		stop "the tests need SQLite's shell and there is none; install sqlite3, or run with DOSSIER_REQUIRE=none to skip what is missing"
	find_mariadb || { install mariadb-server-core mariadb-client-core && find_mariadb; } ||
		stop "the tests need MariaDB and there is none; install mariadb-server-core and mariadb-client-core, or run with DOSSIER_REQUIRE=none to skip what is missing"
}

find_postgresql() { command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }

find_mariadb() {
	PATH=$PATH:/usr/sbin command -v mariadbd >/dev/null && command -v mariadb-install-db >/dev/null && command -v mariadb >/dev/null
}
