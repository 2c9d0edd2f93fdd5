#!/bin/sh
# See that system packages are there: system_packages.sh postgres|mariadb|java...
#
# What is missing is installed when we may (root, or sudo without a password, with apt-get);
# else the line to type is printed and the exit code is 1.
set -eu

present() {
    case "$1" in
        postgres)
            command -v initdb >/dev/null 2>&1 ||
                ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1
            ;;
        mariadb)
            PATH="$PATH:/usr/sbin" command -v mariadbd >/dev/null 2>&1 &&
                command -v mariadb-install-db >/dev/null 2>&1
            ;;
        java) command -v java >/dev/null 2>&1 ;;
        *) echo "system_packages.sh knows postgres, mariadb and java, not $1" >&2 && exit 2 ;;
    esac
}

package() {
    case "$1" in
        postgres) echo postgresql ;;
        # The programs without the service, which would take port 3306.
        mariadb) echo mariadb-server-core mariadb-client-core ;;
        java) echo default-jre-headless ;;
    esac
}

missing=""
for need in "$@"; do
    present "$need" || missing="$missing $(package "$need")"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "Please install, with this system's package manager:$missing" >&2
    echo "(tests need PostgreSQL's and MariaDB's server programs on the PATH: initdb, mariadbd," >&2
    echo "mariadb-install-db)" >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    as_root="env"
elif sudo -n true 2>/dev/null; then
    as_root="sudo -n env"
else
    echo "Please install, as root: apt-get install --no-install-recommends$missing" >&2
    exit 1
fi

no_cluster=/etc/postgresql-common/createcluster.d/penstock-tests.conf
log=$(mktemp)
clean() {
    rm -f "$log"
    case "$missing" in *postgresql*) $as_root rm -f "$no_cluster" ;; esac
}
trap clean EXIT
# Our tests start servers of their own: the package must not leave one running on 5432.
case "$missing" in
    *postgresql*)
        $as_root mkdir -p "$(dirname "$no_cluster")"
        echo "create_main_cluster = false" | $as_root tee "$no_cluster" >/dev/null
        ;;
esac

apt() {
    $as_root DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=3 \
        -o Dpkg::Use-Pty=0 "$@" >"$log" 2>&1 </dev/null && return
    cat "$log" >&2
    echo "Could not install:$missing" >&2
    exit 1
}
echo "Installing system packages:$missing" >&2
apt update
# shellcheck disable=SC2086 (several names on purpose)
apt install -y --no-install-recommends $missing
