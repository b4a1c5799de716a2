#!/bin/sh
# Programs and files the tests need that npm does not provide, as "program:Debian package" or "/file:Debian package".
# Root on Debian gets the missing ones installed; anybody else is told what to install.
set -eu
PATH="$PATH:/usr/sbin:/sbin"

needed='
  bash:bash
  chromium:chromium
  curl:curl
  faketime:faketime
  fish:fish
  flock:util-linux
  gcc:gcc
  gencat:libc6-dev
  mkfs.ext4:e2fsprogs
  mkfs.xfs:xfsprogs
  mount:mount
  ps:procps
  python3:python3
  qemu-aarch64:qemu-user
  spin:spin
  strace:strace
  unshare:util-linux
  wine:wine
  zsh:zsh
  /usr/aarch64-linux-gnu/lib/libstdc++.so.6:libstdc++6-arm64-cross
  /usr/lib/python3/dist-packages/fusepy.py:python3-fusepy
'

missing_binaries=''
missing_packages=''
find_missing() {
  missing_binaries=''
  missing_packages=''
  for entry in $needed; do
    command -v "${entry%%:*}" >/dev/null 2>&1 && continue
    case $entry in /*) [ -e "${entry%%:*}" ] && continue ;; esac
    missing_binaries="$missing_binaries ${entry%%:*}"
    case " $missing_packages " in *" ${entry#*:} "*) ;; *) missing_packages="$missing_packages ${entry#*:}" ;; esac
  done
}

if [ "$(uname -s)" != Linux ]; then
  echo "system-deps: nothing to check on $(uname -s); the tests that need Linux tools do not run here"
  exit 0
fi

find_missing
[ -n "$missing_packages" ] || exit 0

if [ "$(id -u)" = 0 ] && [ -e /etc/debian_version ]; then
  echo "system-deps: missing$missing_binaries; installing$missing_packages"
  export DEBIAN_FRONTEND=noninteractive
  apt-get -q -o DPkg::Lock::Timeout=300 update
  # shellcheck disable=SC2086
  apt-get -q -o DPkg::Lock::Timeout=300 install -y --no-install-recommends $missing_packages
  find_missing
  [ -n "$missing_packages" ] || exit 0
fi

echo "system-deps: the tests need these programs, which are not installed:$missing_binaries" >&2
echo "system-deps: on Debian or Ubuntu: sudo apt-get install --no-install-recommends$missing_packages" >&2
exit 1
