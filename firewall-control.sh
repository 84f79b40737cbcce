#!/usr/bin/env bash
# Opens and closes confab's port in this machine's firewall: firewalld, ufw, nftables or iptables.
set -eu

readonly self=${0##*/}
usage() {
    cat <<EOT
Usage: $self COMMAND [--port N] [--mdns] [--source NETWORK] [--for TIME] [--yes] [--dry-run]

  open              open the port until the next reboot
  close             close it again; who is connected may stay until that connection ends
  status            say whether it is open; exit 0 when it is, 3 when it is not
  permanent-open    open it for good; asks first
  permanent-close   close it, now and after reboots

  --port N           TCP port, or N/udp; default SERVER_PORT, or that of /etc/confab.env, or 8080
  --mdns             port 5353/udp as well, on which other devices ask for confab.local
  --source NETWORK   only for this network: 192.168.0.0/16, fd00::/8, one address; "any": for
                     everybody. close without it closes for all of them
  --for TIME         open: close again by itself after 45s, 30m or 12h, at most 168h
  --yes              permanent-open does not ask
  --dry-run          print the commands that change something instead of running them
  --help             this text

Who is in charge is asked in this order: firewalld, ufw, nftables, iptables. Each command that
changes something is printed before it runs. Needs root. Rules carry the mark "confab"; no other
rule is ever removed.
EOT
}

readonly mark=confab
# firewalld keeps no comments with its rules: this priority is the mark of ours
readonly firewalld_priority=-713
readonly mdns=5353/udp
readonly state=/run/confab-firewall # what closes by itself, and when
readonly units=/etc/systemd/system
PATH=$PATH:/usr/sbin:/sbin

say() { printf '%s\n' "$*"; }
die() { printf '%s: %s\n' "$self" "$*" >&2; exit 1; }
wrong() { printf '%s: %s\n' "$self" "$*" >&2; exit 2; }
is_there() { command -v "$1" >/dev/null; }

# Says what it runs, and runs it.
change() {
    local error
    say "+ $*"
    [ $dry_run = no ] || return 0
    changed=yes
    error=$("$@" 2>&1 >/dev/null </dev/null) || die "that failed: ${error%%$'\n'*}"
}

# ---- networks, as firewalls print them: host bits 0, one address without a prefix

network4() { # address prefix
    local part number=0
    [[ $1 =~ ^(0|[1-9][0-9]{0,2})(\.(0|[1-9][0-9]{0,2})){3}$ ]] && [ "$2" -le 32 ] || return 1
    for part in ${1//./ }; do
        [ "$part" -le 255 ] || return 1
        number=$((number << 8 | part))
    done
    number=$((number >> (32 - $2) << (32 - $2)))
    printf '%d.%d.%d.%d' $((number >> 24)) $((number >> 16 & 255)) $((number >> 8 & 255)) \
        $((number & 255))
    [ "$2" = 32 ] || printf '/%d' "$2"
}

network6() { # address prefix
    local left=() right=() group kept out='' most=1 run zeros='' bits=$2
    [ "$2" -le 128 ] && [[ ! $1 =~ [^:]:$ ]] || return 1
    IFS=: read -ra left <<<"${1%%::*}"
    if [[ $1 == *::* ]]; then
        IFS=: read -ra right <<<"${1#*::}"
        zeros=$((8 - ${#left[@]} - ${#right[@]}))
        [ "$zeros" -ge 1 ] || return 1
        zeros=$(printf '0%.0s ' $(seq "$zeros"))
    fi
    # shellcheck disable=SC2086 # words
    set -- "${left[@]}" $zeros "${right[@]}"
    [ $# = 8 ] || return 1
    for group; do
        [[ $group =~ ^[0-9a-fA-F]{1,4}$ ]] || return 1
        kept=$((bits < 0 ? 0 : bits > 16 ? 16 : bits))
        out+=$(printf ':%x' $((16#$group >> (16 - kept) << (16 - kept))))
        bits=$((bits - 16))
    done
    out=${out#:}
    bits=$((bits + 128))
    # the longest run of zeros, of two groups or more, is "::" (RFC 5952, 4.2)
    for run in 0:0:0:0:0:0:0:0 0:0:0:0:0:0:0 0:0:0:0:0:0 0:0:0:0:0 0:0:0:0 0:0:0 0:0; do
        if [[ :$out: == *:$run:* ]]; then
            out=:$out:
            out=${out%%:"$run":*}::${out#*:"$run":}
            most=0
            break
        fi
    done
    if [ $most = 0 ]; then # the outer colons belong to the pattern
        [[ $out == ::* ]] || out=${out#:}
        [[ $out == *:: ]] || out=${out%:}
    fi
    say "$out$([ "$bits" = 128 ] || say "/$bits")"
}

network() { # of --source
    local address=${1%%/*} prefix=${1#*/}
    [[ $1 == */* ]] || { [[ $1 == *:* ]] && prefix=128 || prefix=32; }
    [[ $prefix =~ ^[1-9][0-9]{0,2}$ ]] || return 1
    case $address in
    *:*) network6 "$address" "$prefix" ;;
    *) network4 "$address" "$prefix" ;;
    esac
}

# ---- what the three kinds of firewalls have in common
#
# A kind X reads once what is there (X_look), and again behind a change. X_rules and
# X_permanent_rules print a line `NETWORK REST` for each rule of ours on this port; REST is what X
# needs to remove it. X_state prints the networks that get through, or one of: others (somebody
# else's rule lets them in), unfiltered (nothing is refused), closed.

who() { say "${source:-any}"; }
network_only() { [ -z "$source" ] || [ "$source" = any ] || say "$source"; }
suffix() { network_only | sed 's/[:/]/_/g; s/^/-/'; }

has() { # X_rules…: is there one for exactly this network?
    "$@" | cut -d' ' -f1 | grep -Fqx "$(who)"
}

chosen() { # of the rules on stdin: those of --source, or all
    awk -v source="$source" 'source == "" || $1 == source'
}

each() { # FUNCTION, lines on stdin: calls it with the words of each line
    local lines line
    mapfile -t lines
    for line in ${lines[@]+"${lines[@]}"}; do
        # shellcheck disable=SC2086 # words
        "$1" $line
    done
}

# ---- iptables and nftables: rules of the running kernel, gone after a reboot
#
# A place is where packets that come in are decided on: an iptables program, or "family table
# chain" of nftables. An accept in one place does not overrule a drop in another: all that refuse
# something get the rule, those of nftables first.

declare -A listing # the rules of each place
declare -a looked  # the places, in their order

kernel_look() {
    local place programs error
    listing=()
    programs=$(iptables_programs)
    if [ -z "$programs" ]; then
        is_there nft || die \
            "no firewalld, ufw, nft or iptables on this machine: install one of them, or open ${ports[*]} in the firewall that you use"
        error=$(nft list tables 2>&1) || die "nft cannot read this machine's firewall: ${error%%$'\n'*}"
    fi
    mapfile -t looked < <(nft_chains; [ -z "$programs" ] || say "$programs")
    for place in ${looked[@]+"${looked[@]}"}; do
        # shellcheck disable=SC2086 # words
        case $place in
        *\ *) listing[$place]=$(nft -a list chain $place 2>/dev/null) ;;
        *) listing[$place]=$($place -w -S) ;;
        esac
    done
    name=iptables
    [ -n "$programs" ] && [[ ${looked[0]-} != *\ * ]] || name=nftables
}

# The iptables programs that work here, one per IP version.
iptables_programs() {
    local program
    for program in iptables ip6tables; do
        if is_there $program && $program -w -S INPUT >/dev/null 2>&1; then
            say $program
        fi
    done
}

# Those of iptables-nft belong to iptables.
nft_chains() {
    is_there nft || return 0
    nft list chains 2>/dev/null | awk -v iptables="$programs" '
        $1 == "table" { family = $2; table = $3 }
        $1 == "chain" { chain = $2 }
        /type filter hook input/ && family ~ /^(inet|ip|ip6)$/ {
            if (iptables == "" || family == "inet" || table != "filter" || chain != "INPUT")
                print family, table, chain
        }'
}

kernel_places() {
    local place
    for place in ${looked[@]+"${looked[@]}"}; do
        if kernel_refuses "$place" || [ -n "$(kernel_rules "$place")" ]; then
            say "$place"
        fi
    done
}

# Something here can refuse a packet: a policy that drops, or any rule that is not ours.
kernel_refuses() { # place
    case $1 in
    *\ *) grep -Eq 'policy drop|drop|reject|jump|goto|queue' <<<"${listing[$1]}" ;;
    *) grep -E '^-[PA] INPUT ' <<<"${listing[$1]}" |
        grep -qv -e '^-P INPUT ACCEPT$' -e "--comment $mark " ;;
    esac
}

kernel_rules() { # place
    case $1 in
    *\ *)
        sed -nE "s/^[[:space:]]*(ip6? saddr ([^ ]+) )?$protocol dport $port accept comment \"$mark\" # handle ([0-9]+)\$/\2 \3/p"
        ;;
    *)
        sed -nE "s,^-A (INPUT (-s ([^ ]+) )?-p $protocol -m $protocol --dport $port -m comment --comment $mark -j ACCEPT)\$,\3 \1,p"
        ;;
    esac <<<"${listing[$1]}" | sed -E 's/^ /any /; s,^([0-9.]+)/32 ,\1 ,; s,^([0-9a-f:]+)/128 ,\1 ,'
}

# A rule of others that names the port and accepts. Those of ufw's users are asked of ufw.
kernel_others() { # place
    local many="[0-9,:-]*"
    case $1 in
    *\ *) grep -E "$protocol dport (${port}|\{([^}]*[ ,])?${port}[ ,][^}]*\}) .*accept" ;;
    *) grep -E "^-A (INPUT|ufw6?-[a-z-]*input) .*-p $protocol .*--dports? (${many},)?${port}(,${many})? .*-j ACCEPT" ;;
    esac <<<"${listing[$1]}" | grep -qv -e "comment \"\?$mark\"\? " -e 'ufw6\?-user-input'
}

kernel_fits() { # place network: does it see packets of this version of IP?
    case $2 in
    any) ;;
    *:*) [[ $1 == ip6* || $1 == inet\ * ]] ;;
    *) [[ $1 != ip6* ]] ;;
    esac
}

kernel_add() { # place: prints the command
    local from
    from=$(network_only)
    case $1 in
    *\ *)
        case $from in
        '') ;;
        *:*) from="ip6 saddr $from " ;;
        *) from="ip saddr $from " ;;
        esac
        say "nft insert rule $1 ${from}$protocol dport $port accept comment \"$mark\""
        ;;
    *) say "$1 -w -I INPUT ${from:+-s $from }-p $protocol --dport $port -m comment --comment $mark -j ACCEPT" ;;
    esac
}

kernel_open() { each kernel_open_one < <(kernel_places); }
kernel_open_one() {
    kernel_fits "$*" "$(who)" || return 0
    # shellcheck disable=SC2046 # words
    has kernel_rules "$*" || change $(kernel_add "$*")
}

kernel_close() { each kernel_close_one < <(kernel_places); }
kernel_close_one() {
    place=$*
    each kernel_remove < <(kernel_rules "$place" | chosen)
}
kernel_remove() { # network rest
    shift
    # shellcheck disable=SC2086 # words
    case $place in
    *\ *) change nft delete rule $place handle "$@" ;;
    *) change $place -w -D "$@" ;;
    esac
}

kernel_state() {
    local places place others=yes network
    mapfile -t places < <(kernel_places)
    [ ${#places[@]} -gt 0 ] || { say unfiltered; return; }
    for place in "${places[@]}"; do
        kernel_rules "$place" | cut -d' ' -f1
    done | sort -u | while read -r network; do
        source=$network # of this subshell
        for place in "${places[@]}"; do
            ! kernel_fits "$place" "$network" || has kernel_rules "$place" || continue 2
        done
        say "$network"
    done | grep . && return
    for place in "${places[@]}"; do # devices ask by IPv4 at least
        ! kernel_fits "$place" 0.0.0.0 || kernel_others "$place" || others=no
    done
    if [ $others = yes ]; then say others; else say closed; fi
}

# After a reboot a unit of systemd runs the commands; these themselves, since root must not run a
# script that others may write to.
kernel_unit() { say "$units/confab-firewall-$port-$protocol$(suffix).service"; }

kernel_permanent_rules() {
    local file
    for file in "$units/confab-firewall-$port-$protocol"{,-*}.service; do
        [ ! -e "$file" ] || say "$(sed -n 's/^Network=//p' "$file") $file"
    done
}

kernel_unit_line() {
    # shellcheck disable=SC2046 # words
    set -- $(kernel_fits "$*" "$(who)" && kernel_add "$*")
    [ $# = 0 ] || say "ExecStart=-$(command -v "$1") ${*:2}" | sed 's/"/\\"/g'
}

kernel_unit_text() {
    cat <<EOT
[X-Confab]
Network=$(who)

[Unit]
Description=Opens port $port/$protocol for confab ($self permanent-open)
After=iptables.service netfilter-persistent.service nftables.service ufw.service
PartOf=iptables.service netfilter-persistent.service nftables.service

[Service]
Type=oneshot
RemainAfterExit=yes
$(each kernel_unit_line < <(kernel_places))

[Install]
WantedBy=multi-user.target
EOT
}

kernel_permanent_open() {
    local unit text
    unit=$(kernel_unit)
    is_there systemctl || die "rules cannot be made permanent without systemd: save them yourself"
    [ -n "$(kernel_places)" ] || return 0
    text=$(kernel_unit_text)
    kernel_open
    if has kernel_permanent_rules && [ "$(cat "$unit")" = "$text" ]; then
        return 0
    fi
    say "+ write $unit"
    [ $dry_run = yes ] || say "$text" >"$unit"
    change systemctl --quiet enable "${unit##*/}"
}

kernel_permanent_close() {
    kernel_close
    each kernel_unit_remove < <(kernel_permanent_rules | chosen)
}
kernel_unit_remove() { # network file
    change systemctl --quiet disable "${2##*/}"
    [ ! -d /run/systemd/system ] || change systemctl stop "${2##*/}"
    change rm -f "$2"
}

# ---- ufw: what it stores is permanent; until a reboot a rule of the kernel does

ufw_is_active() {
    is_there ufw && grep -qix 'ENABLED=yes' /etc/ufw/ufw.conf 2>/dev/null &&
        LC_ALL=C ufw status 2>/dev/null | grep -qx 'Status: active'
}
ufw_look() {
    kernel_look
    name=ufw
    added=$(ufw show added)
}
ufw_open() { kernel_open; }
ufw_close() { kernel_close; }

ufw_permanent_rules() {
    sed -nE "s,^ufw (allow $port/$protocol) comment '$mark'\$,any \1,p
        s,^ufw (allow from ([^ ]+) to any port $port proto $protocol) comment '$mark'\$,\2 \1,p" <<<"$added"
}

# Somebody else lets everybody in: that rule stays theirs.
ufw_is_open_anyway() {
    grep -Ex "ufw allow $port(/$protocol)?( comment .*)?" <<<"$added" | grep -Fqv "'$mark'"
}

ufw_state() {
    {
        ! ufw_is_open_anyway || say others
        ufw_permanent_rules | cut -d' ' -f1
        kernel_state | grep -vxE 'closed|unfiltered'
    } | sort -u | grep . || say closed
}

ufw_permanent_open() {
    ! ufw_is_open_anyway || return 0
    local from
    from=$(network_only)
    has ufw_permanent_rules || if [ -z "$from" ]; then
        change ufw allow "$port/$protocol" comment "$mark"
    else
        change ufw allow from "$from" to any port "$port" proto "$protocol" comment "$mark"
    fi
}

ufw_permanent_close() {
    kernel_close
    each ufw_remove < <(ufw_permanent_rules | chosen)
}
ufw_remove() { change ufw delete "${@:2}"; }

# ---- firewalld: keeps what runs and what is permanent apart; each question takes half a second

# Finds the zone of the interface that leads to the network, too.
firewalld_is_active() {
    is_there firewall-cmd && { [ -n "${DBUS_SYSTEM_BUS_ADDRESS-}" ] || [ -S /run/dbus/system_bus_socket ]; } &&
        running=$(firewall-cmd --list-all 2>/dev/null) || return 1
    local interface other
    interface=$(awk '$2 == "00000000" && $8 == "00000000" { print $1; exit }' /proc/net/route)
    zone=${running%%[ $'\n']*}
    if [ -n "$interface" ] && ! grep -Eq "^  interfaces:.* $interface( |\$)" <<<"$running" &&
        other=$(firewall-cmd --get-zone-of-interface="$interface" 2>/dev/null); then
        zone=$other running=
    fi
}
firewalld_look() {
    name=firewalld
    [ -n "$running" ] && [ $changed = no ] || running=$(firewall-cmd --zone="$zone" --list-all)
    [ -n "$kept" ] && [[ $command != permanent* ]] ||
        kept=$(firewall-cmd --permanent --zone="$zone" --list-all)
}

firewalld_list() {
    sed -nE "s/^[[:space:]]*(rule priority=\"$firewalld_priority\"( family=\"ipv[46]\" source address=\"([^\"]+)\")? port port=\"$port\" protocol=\"$protocol\" accept)\$/\3 \1/p" |
        sed 's/^ /any /'
}
firewalld_rules() { firewalld_list <<<"$running"; }
firewalld_permanent_rules() { firewalld_list <<<"$kept"; }

# Somebody else's: a port, a range of ports, or the service.
firewalld_is_open_anyway() {
    awk -v port="$port" -v protocol="$protocol" '
        $1 == "ports:" { for (i = 2; i <= NF; i++) {
            split($i, of, "[-/]")
            if ($i ~ "/" protocol "$" && port >= of[1] + 0 && port <= ($i ~ /-/ ? of[2] : of[1]) + 0) found = 1 } }
        $1 == "services:" && port "/" protocol == "'$mdns'" && / mdns( |$)/ { found = 1 }
        $1 == "target:" && $2 == "ACCEPT" { found = 1 }
        END { exit !found }' <<<"$running"
}

firewalld_add() { # [--permanent]
    local from family=ipv4
    from=$(network_only)
    [[ $from != *:* ]] || family=ipv6
    from=${from:+" family=\"$family\" source address=\"$from\""}
    change firewall-cmd --quiet "$@" --zone="$zone" \
        --add-rich-rule="rule priority=\"$firewalld_priority\"$from port port=\"$port\" protocol=\"$protocol\" accept"
}
firewalld_remove() { change firewall-cmd --quiet --zone="$zone" --remove-rich-rule="${*:2}"; }
firewalld_permanent_remove() {
    change firewall-cmd --quiet --permanent --zone="$zone" --remove-rich-rule="${*:2}"
}

firewalld_open() { has firewalld_rules || firewalld_add; }
firewalld_close() { each firewalld_remove < <(firewalld_rules | chosen); }

firewalld_state() {
    {
        ! firewalld_is_open_anyway || say others
        firewalld_rules | cut -d' ' -f1
    } | sort -u | grep . || say closed
}

firewalld_permanent_open() {
    has firewalld_permanent_rules || firewalld_add --permanent
    firewalld_open
}
firewalld_permanent_close() {
    each firewalld_permanent_remove < <(firewalld_permanent_rules | chosen)
    firewalld_close
}

# ---- what closes by itself

uptime_s() { cut -d. -f1 /proc/uptime; }
timer_of() { say "confab-firewall-close-$port-$protocol$(suffix)"; }

# $state/TIMER: network, end on the clock of /proc/uptime, process (0: a timer of systemd).
timers() {
    local file
    for file in "$state/confab-firewall-close-$port-$protocol"{,-*}; do
        [ ! -e "$file" ] || say "$(cat "$file") $file"
    done
}

timer_forget() { # network end process file
    if [ "$3" = 0 ]; then
        ! systemctl --quiet is-active "${4##*/}.timer" 2>/dev/null || change systemctl stop "${4##*/}.timer"
    elif [ "$3" != $$ ] && tr '\0' ' ' <"/proc/$3/cmdline" 2>/dev/null | grep -Fq "$state/control close"; then
        change kill -- "-$3" # its group: the sleep, too
    fi
    change rm -f "$4"
}

# Runs a copy that only root may write to: what closes is what was started now.
timer_start() {
    local child=0 name
    name=$(timer_of)
    set -- "$state/control" close --port "$port/$protocol" --source "$(who)"
    change install -D -m 700 "$script" "$state/control"
    if [ -d /run/systemd/system ]; then
        change systemd-run --quiet --collect --unit="$name" --on-active="${duration}s" \
            --timer-property=AccuracySec=1s "$@"
    else
        say "+ sleep $duration; $*"
        say "A process of its own does that, since systemd does not run here; it outlives this terminal."
        [ $dry_run = no ] || return 0
        # shellcheck disable=SC2016 # belongs to the inner shell
        setsid bash -c 'sleep "$1"; shift; exec bash "$@"' "$name" "$duration" "$@" \
            </dev/null >/dev/null 2>&1 &
        child=$!
    fi
    [ $dry_run = yes ] || say "$(who) $(($(uptime_s) + duration)) $child" >"$state/$name"
}

# ---- commands

status_of() { # network
    local permanent='' left
    case $1 in
    unfiltered) say "Port $port/$protocol is open: this machine's firewall refuses nothing."; return ;;
    others) say "Port $port/$protocol is open by a rule that is not confab's ($name)."; return ;;
    esac
    ! "${firewall}_permanent_rules" | cut -d' ' -f1 | grep -Fqx "$1" || permanent=", also after a reboot"
    left=$(timers | awk -v network="$1" -v now="$(uptime_s)" '$1 == network { print ($2 > now ? $2 - now : 0); exit }')
    say "Port $port/$protocol is open$([ "$1" = any ] || say " for $1")$permanent ($name)${left:+; it closes by itself in $((left / 60)) min $((left % 60)) s}."
}

status() {
    local networks
    networks=$("${firewall}_state")
    if [ "$networks" != closed ]; then
        each status_of <<<"$networks"
        return
    fi
    say "Port $port/$protocol is closed ($name)."
    closed=yes
}

run() {
    case $command in
    *open) each timer_forget < <(timers | awk -v who="$(who)" '$1 == who') ;;
    *close) each timer_forget < <(timers | chosen) ;;
    esac
    "${firewall}_${command//-/_}"
    [ -z "$duration" ] || [ "$("${firewall}_state")" = unfiltered ] || timer_start
}

# What was forgotten, or stays behind: the port of the name.
mdns_hint() {
    [[ " ${ports[*]} " != *" $mdns "* ]] || return 0
    local networks
    networks=$("${firewall}_state")
    case $command/$networks in
    *open/closed)
        [ ! -e /run/avahi-daemon/socket ] ||
            say "The name that Avahi announces gets no answer through this firewall: $self $command --mdns"
        ;;
    *close/closed | *close/unfiltered | *close/others | *open/*) ;;
    *close/*) say "Port $mdns stays open: $self $command --mdns" ;;
    esac
}

for_each_port() { # FUNCTION
    local one
    for one in "${ports[@]}"; do
        port=${one%/*} protocol=${one#*/}
        "$1"
    done
}

confirm() {
    local answer=''
    [ $yes = no ] && [ $dry_run = no ] || return 0
    printf '%s can reach port %s from now on, also after a reboot. Open it? [y/N] ' \
        "$(network_only | grep . || say "Everybody in your network")" "${ports[*]}"
    read -r answer || true
    case $answer in
    y | Y | yes | Yes) ;;
    *) die "nothing was changed" ;;
    esac
}

default_port() {
    local port
    port=${SERVER_PORT:-$(sed -n 's/^SERVER_PORT=\([0-9]*\)$/\1/p' /etc/confab.env 2>/dev/null)}
    say "${port:-8080}"
}

add_port() { # N[/PROTOCOL]
    local number=${1%/*}
    if ! [[ $1 =~ ^[1-9][0-9]{0,4}(/(tcp|udp))?$ ]] || [ "$number" -gt 65535 ]; then
        wrong "the port is \"$1\": it must be a whole number from 1 to 65535, with /udp behind it for UDP"
    fi
    [ "$1" = "$number" ] && ports+=("$1/tcp") || ports+=("$1")
}

seconds_of() { # TIME
    local number=${1%[smh]}
    [[ $1 =~ ^[1-9][0-9]{0,5}[smh]$ ]] || return 1
    case $1 in
    *m) number=$((number * 60)) ;;
    *h) number=$((number * 3600)) ;;
    esac
    [ "$number" -le $((168 * 3600)) ] && say "$number"
}

script=$(readlink -f "${BASH_SOURCE[0]}")
arguments=("$@")
command=
wanted=$(default_port)
ports=()  # N/PROTOCOL
port=     # of them, in turn
protocol=
source=   # '': not given; any
duration= # of --for, in seconds
place=    # of the kernel, while its rules are removed
name=     # who is in charge
zone=     # of firewalld; what it says that runs, and that is permanent
running=
kept=
yes=no
with_mdns=no
dry_run=no
changed=no
closed=no
while [ $# -gt 0 ]; do
    case $1 in
    --port | --source | --for)
        [ $# -gt 1 ] || wrong "a value is missing after $1; see --help"
        set -- "$1=$2" "${@:3}"
        ;;
    esac
    case $1 in
    --help | -h) usage; exit 0 ;;
    --port=*) wanted=${1#*=} ;;
    --mdns) with_mdns=yes ;;
    --source=any) source=any ;;
    --source=*)
        source=$(network "${1#*=}") ||
            wrong "the source is \"${1#*=}\": it must be a network such as 192.168.0.0/16 or fd00::/8, one address, or any"
        ;;
    --for=*)
        duration=$(seconds_of "${1#*=}") ||
            wrong "the time is \"${1#*=}\": it must be a number with s, m or h behind it, such as 30m, at most 168h"
        ;;
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
add_port "$wanted"
[ $with_mdns = no ] || [ "${ports[0]}" = $mdns ] || ports+=("$mdns")
[ -z "$duration" ] || [ "$command" = open ] || wrong "--for goes with open alone"
[ "$(id -u)" = 0 ] || die "this needs root: sudo $0 ${arguments[*]}"

if firewalld_is_active; then
    firewall=firewalld
elif ufw_is_active; then
    firewall=ufw
else
    firewall=kernel
fi
"${firewall}_look"
if [ "$command" != status ]; then
    [ "$command" != permanent-open ] || confirm
    for_each_port run
    [ $dry_run = no ] || exit 0
    [ $changed = no ] || "${firewall}_look"
fi
for_each_port status
case $command in
status) [ $closed = no ] || exit 3 ;;
*) port=${mdns%/*} protocol=${mdns#*/} mdns_hint ;;
esac
