#!/usr/bin/env bash
# Opens and closes confab's port in this machine's firewall: firewalld, ufw, iptables or nftables.
set -eu

usage() {
    cat <<'EOT'
Usage: ./firewall-control.sh COMMAND [--port N] [--yes] [--dry-run]

  open              open the port until the next reboot
  close             close it again
  status            say whether it is open; exit 0 when it is, 3 when it is not
  permanent-open    open it for good; asks first
  permanent-close   close it, now and after reboots

  --port N     TCP port; default SERVER_PORT or 8080
  --yes        permanent-open does not ask
  --dry-run    print the commands that change something instead of running them
  --help       this text

Needs root. Rules carry the mark "confab"; no other rule is ever removed.
EOT
}

readonly mark=confab
# firewalld keeps no comments with its rules: this priority is the mark of ours
readonly firewalld_priority=-713
PATH=$PATH:/usr/sbin:/sbin

say() { printf '%s\n' "$*"; }
die() { printf 'firewall-control.sh: %s\n' "$*" >&2; exit 1; }
wrong() { printf 'firewall-control.sh: %s\n' "$*" >&2; exit 2; }
is_there() { command -v "$1" >/dev/null; }

# Runs a command that changes something.
change() {
    if [ $dry_run = yes ]; then
        say "$*"
    else
        "$@" >/dev/null
    fi
}

# ---- iptables and nftables: rules of the running kernel, gone after a reboot

# The iptables programs that work here, one per IP version.
iptables_programs() {
    local program
    for program in iptables ip6tables; do
        if is_there $program && $program -w -S INPUT >/dev/null 2>&1; then
            say $program
        fi
    done
}

iptables_rule() { say "INPUT -p tcp --dport $port -m comment --comment $mark -j ACCEPT"; }

# "family table chain" of each place where nftables decides on incoming packets: an accept in
# one of them does not overrule a drop in another. Those of iptables-nft belong to iptables.
nft_chains() {
    is_there nft || return 0
    nft list chains 2>/dev/null | awk -v iptables="$(iptables_programs | tr '\n' ' ')" '
        $1 == "table" { family = $2; table = $3 }
        $1 == "chain" { chain = $2 }
        /type filter hook input/ && family ~ /^(inet|ip|ip6)$/ {
            if (iptables == "" || family == "inet" || table != "filter" || chain != "INPUT")
                print family, table, chain
        }'
}

nft_handles() { # family table chain
    nft -a list chain "$@" 2>/dev/null |
        sed -n "s/^[[:space:]]*tcp dport $port accept comment \"$mark\" # handle \([0-9]*\)$/\1/p"
}

# Each place once: calls $1 with its name.
kernel_each() {
    local place
    while read -r place; do
        [ -z "$place" ] || $1 "$place"
    done <<<"$(iptables_programs; nft_chains)"
}

kernel_has() { # place: a program, or family table chain
    # shellcheck disable=SC2046,SC2086 # words
    case $1 in
    *\ *) [ -n "$(nft_handles $1)" ] ;;
    *) $1 -w -C $(iptables_rule) 2>/dev/null ;;
    esac
}

kernel_open_one() {
    ! kernel_has "$1" || return 0
    # shellcheck disable=SC2046,SC2086 # words
    case $1 in
    *\ *) change nft insert rule $1 tcp dport "$port" accept comment "\"$mark\"" ;;
    *) change $1 -w -I $(iptables_rule) ;;
    esac
}

kernel_close_one() {
    local handle
    # shellcheck disable=SC2046,SC2086 # words
    case $1 in
    *\ *)
        for handle in $(nft_handles $1); do
            change nft delete rule $1 handle "$handle"
        done
        ;;
    *)
        while kernel_has "$1"; do
            change $1 -w -D $(iptables_rule)
            [ $dry_run = no ] || break
        done
        ;;
    esac
}

kernel_need() {
    [ -n "$(iptables_programs; nft_chains)" ] || is_there nft || die \
        "no firewalld, ufw, iptables or nft on this machine: install one of them, or open port $port/tcp in the firewall that you use"
}

kernel_open() { kernel_need; kernel_each kernel_open_one; }
kernel_close() { kernel_need; kernel_each kernel_close_one; }

# Something here can refuse a packet: a policy that drops, or any rule that is not ours.
kernel_refuses() { # place
    # shellcheck disable=SC2086 # words
    case $1 in
    *\ *) nft list chain $1 | grep -Eq 'policy drop|drop|reject|jump|goto' ;;
    *) $1 -w -S INPUT | grep -v -e '^-P INPUT ACCEPT$' -e "--comment $mark " | grep -q . ;;
    esac
}

kernel_state_one() {
    if kernel_has "$1"; then
        opened=yes
    elif kernel_refuses "$1"; then
        closed=yes
    fi
}

# open, closed, or unfiltered: this firewall refuses nothing.
kernel_state() {
    opened=no closed=no
    kernel_need
    kernel_each kernel_state_one
    if [ $closed = yes ]; then
        say closed
    elif [ $opened = yes ]; then
        say open
    else
        say unfiltered
    fi
}

# After a reboot a unit of systemd opens the port again.
kernel_unit() { say "/etc/systemd/system/confab-firewall-$port.service"; }

kernel_is_permanent() { [ -e "$(kernel_unit)" ]; }

# The commands themselves: root must not run a script that others may write to.
kernel_unit_line() { # place
    # shellcheck disable=SC2086 # words
    case $1 in
    *\ *) say "ExecStart=-$(command -v nft) insert rule $1 tcp dport $port accept comment \\\"$mark\\\"" ;;
    *) say "ExecStart=-$(command -v $1) -w -I $(iptables_rule)" ;;
    esac
}

kernel_unit_text() {
    cat <<EOT
[Unit]
Description=Opens port $port/tcp for confab (firewall-control.sh permanent-open)
After=iptables.service netfilter-persistent.service nftables.service ufw.service

[Service]
Type=oneshot
RemainAfterExit=yes
$(kernel_each kernel_unit_line)

[Install]
WantedBy=multi-user.target
EOT
}

kernel_permanent_open() {
    is_there systemctl || die "rules cannot be made permanent without systemd: save them yourself"
    kernel_open
    if [ $dry_run = yes ]; then
        say "write $(kernel_unit)"
    else
        kernel_unit_text >"$(kernel_unit)"
    fi
    change systemctl --quiet enable "$(basename "$(kernel_unit)")"
}

kernel_permanent_close() {
    kernel_close
    kernel_is_permanent || return 0
    change systemctl --quiet disable "$(basename "$(kernel_unit)")"
    change rm -f "$(kernel_unit)"
}

# ---- ufw: what it stores is permanent; until a reboot a rule of the kernel does

ufw_is_active() { is_there ufw && LC_ALL=C ufw status 2>/dev/null | grep -qx 'Status: active'; }
ufw_has() { ufw show added | grep -Eq "^ufw allow $port(/tcp)?( |\$)"; }
ufw_is_permanent() { ufw show added | grep -Fqx "ufw allow $port/tcp comment '$mark'"; }

ufw_open() { kernel_open; }
ufw_close() { kernel_close; }

ufw_state() {
    if ufw_has; then
        say open
    else
        kernel_state
    fi
}

ufw_permanent_open() {
    # a rule of somebody else opens it already: it stays theirs
    ufw_has || change ufw allow "$port/tcp" comment "$mark"
}

ufw_permanent_close() {
    kernel_close
    ! ufw_is_permanent || change ufw delete allow "$port/tcp"
}

# ---- firewalld: keeps what runs and what is permanent apart

firewalld_is_active() { is_there firewall-cmd && firewall-cmd --state >/dev/null 2>&1; }

# The zone of the interface that leads to the network.
firewalld_zone() {
    local interface
    interface=$(awk '$2 == "00000000" && $8 == "00000000" { print $1; exit }' /proc/net/route)
    firewall-cmd --get-zone-of-interface="${interface:-none}" 2>/dev/null ||
        firewall-cmd --get-default-zone
}

firewalld_rule() {
    say "rule priority=\"$firewalld_priority\" port port=\"$port\" protocol=\"tcp\" accept"
}

firewalld() { # [--permanent] add|remove|query
    local scope=()
    [ "$1" != --permanent ] || { scope=(--permanent); shift; }
    set -- firewall-cmd --quiet ${scope[@]+"${scope[@]}"} --zone="$zone" \
        --"$1"-rich-rule="$(firewalld_rule)"
    case $* in
    *--query-*) "$@" ;;
    *) change "$@" ;;
    esac
}

firewalld_is_permanent() { firewalld --permanent query; }
firewalld_open() { firewalld query || firewalld add; }
firewalld_close() { ! firewalld query || firewalld remove; }

firewalld_state() {
    if firewalld query || firewall-cmd --quiet --zone="$zone" --query-port="$port/tcp"; then
        say open
    else
        say closed
    fi
}

firewalld_permanent_open() {
    firewalld_is_permanent || firewalld --permanent add
    firewalld_open
}

firewalld_permanent_close() {
    ! firewalld_is_permanent || firewalld --permanent remove
    firewalld_close
}

# ---- commands

backend() {
    if firewalld_is_active; then
        say firewalld
    elif ufw_is_active; then
        say ufw
    else
        say kernel
    fi
}

status() {
    local state
    state=$("${firewall}_state")
    case $state in
    open)
        if "${firewall}_is_permanent"; then
            say "Port $port/tcp is open, also after a reboot; permanent-close closes it ($firewall)."
        else
            say "Port $port/tcp is open ($firewall)."
        fi
        ;;
    unfiltered) say "Port $port/tcp is open: this machine's firewall refuses nothing." ;;
    closed)
        say "Port $port/tcp is closed ($firewall)."
        return 3
        ;;
    esac
}

confirm() {
    local answer=''
    [ $yes = no ] && [ $dry_run = no ] || return 0
    printf 'Everybody in your network can reach port %s from now on, also after a reboot. Open it? [y/N] ' "$port"
    read -r answer || true
    case $answer in
    y | Y | yes | Yes) ;;
    *) die "nothing was changed" ;;
    esac
}

command=
port=${SERVER_PORT:-8080}
zone= # of firewalld
yes=no
dry_run=no
while [ $# -gt 0 ]; do
    case $1 in
    --help | -h) usage; exit 0 ;;
    --port=*) port=${1#*=} ;;
    --port) port=${2-}; shift $(($# > 1)) ;;
    --yes | -y) yes=yes ;;
    --dry-run) dry_run=yes ;;
    open | close | status | permanent-open | permanent-close)
        [ -z "$command" ] || wrong "one command at a time; see --help"
        command=$1
        ;;
    *) wrong "unknown argument \"$1\"; see --help" ;;
    esac
    shift
done
[ -n "$command" ] || { usage >&2; exit 2; }
if ! [[ $port =~ ^[1-9][0-9]{0,4}$ ]] || [ "$port" -gt 65535 ]; then
    wrong "the port is \"$port\": it must be a whole number from 1 to 65535"
fi
[ "$(id -u)" = 0 ] || die "this needs root: sudo ./firewall-control.sh $command --port $port"

firewall=$(backend)
[ "$firewall" != firewalld ] || zone=$(firewalld_zone)
case $command in
status) status; exit ;;
permanent-open) confirm ;;
esac
"${firewall}_${command//-/_}"
[ $dry_run = yes ] || status || true
