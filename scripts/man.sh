#!/usr/bin/env bash
# Makes a manual page of what a program says about itself.
set -eu

usage() {
    cat <<'EOT'
Usage: scripts/man.sh PROGRAM NAME SECTION FOLDER

Writes FOLDER/NAME.SECTION.gz from `PROGRAM --help`, which is asked under that NAME.
EOT
}

case $# in
4) ;;
*) usage >&2; exit 2 ;;
esac
name=$2
mkdir -p "$4"
ln -sf "$(readlink -f "$1")" "$4/$name"
help=$("$4/$name" --help)
rm "$4/$name"
case $name in
confab) what='real-time chat server' ;;
confab-soak) what='prove that a chat loses nothing' ;;
confab-firewall) what="open and close confab's port" ;;
*) what=$name ;;
esac
{
    printf '.TH %s %s\n.SH NAME\n%s \\- %s\n.SH DESCRIPTION\n.nf\n' "${name^^}" "$3" "$name" "$what"
    sed -e 's/\\/\\e/g; s/-/\\-/g' -e "s/^[.']/\\\\\&&/" <<<"$help"
    printf '.fi\n'
} | gzip -9n >"$4/$name.$3.gz"
