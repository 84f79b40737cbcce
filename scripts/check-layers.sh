#!/usr/bin/env bash
# Checks the order of the layers and the size of files and functions.
set -eu
cd "$(dirname "$0")/.."

usage() {
    cat <<'EOF'
Usage: scripts/check-layers.sh

Checks in src/ and include/confab/ that
- a file includes headers of its own layer and of those to the right of it only:
  app → net → pump → hub → archive → store → wire → base
- private headers stay within their layer
- each third-party library is included where it belongs
- files have at most 600 lines and functions at most 60
Prints each violation as FILE:LINE: what; exit status 1 when there is one.
EOF
}

case ${1-} in
'') ;;
--help | -h) usage; exit 0 ;;
*) echo "check-layers.sh: no option '$1'; see --help" >&2; exit 2 ;;
esac

find src include/confab -name '*.[ch]' | sort | while IFS= read -r file; do
    layer=$(echo "$file" | sed -E 's,^(src|include/confab)/([^/]+)/.*,\2,')
    awk -v file="$file" -v layer="$layer" -f /dev/fd/3 "$file" 3<<'EOF'
    function violation(what) {
        print file ":" FNR ": " what
    }
    BEGIN {
        count = split("base wire store archive hub pump net app", order, " ")
        for (i = 1; i <= count; i++)
            level[order[i]] = i
        # header → layers that may include it
        allowed["libwebsockets.h"] = "net"
        allowed["ev.h"] = "net"
        allowed["hiredis/"] = "store"
        allowed["jansson.h"] = "wire"
        allowed["sqlite3.h"] = "archive"
        allowed["sodium.h"] = "base"
        allowed["openssl/"] = "net app"
        allowed["magic.h"] = "net"
        allowed["qrencode.h"] = "app net"
        allowed["avahi-"] = allowed["systemd/"] = "app"
        allowed["jwt.h"] = allowed["unicode/"] = "wire"
        allowed["event2/"] = "base store hub net"
        allowed["unicase.h"] = allowed["unictype.h"] = "wire"
        allowed["uninorm.h"] = allowed["unistr.h"] = "wire"
        allowed["utlist.h"] = allowed["uthash.h"] = "store archive hub pump net"
        if (!(layer in level))
            violation("no layer '" layer "'")
    }
    /^#[ ]*include/ {
        header = $0
        sub(/^#[ ]*include[ ]*[<"]/, "", header)
        sub(/[>"].*/, "", header)
        if (header ~ /^confab\//) {
            split(header, part, "/")
            if (!(part[2] in level))
                violation("no layer '" part[2] "'")
            else if (level[part[2]] > level[layer])
                violation(layer " includes " header " of the higher layer " part[2])
        } else if ($0 ~ /"/) {
            if (header ~ /\//)
                violation("private header of another folder: " header)
        } else {
            for (library in allowed)
                if (index(header, library) == 1 &&
                    index(" " allowed[library] " ", " " layer " ") == 0)
                    violation(header " belongs in " allowed[library])
        }
    }
    /^\{/ { begin = FNR }
    /^\}/ && begin {
        if (FNR - begin - 1 > 60)
            violation("a function of " FNR - begin - 1 " lines, at most 60")
        begin = 0
    }
    END {
        if (FNR > 600)
            violation("a file of " FNR " lines, at most 600")
    }
EOF
done | {
    violations=0
    while IFS= read -r line; do
        printf '%s\n' "$line"
        violations=$((violations + 1))
    done
    [ $violations = 0 ]
}
