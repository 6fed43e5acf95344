# SPDX-License-Identifier: Apache-2.0

"""The simulated shell does what the shell of this machine does."""

import subprocess

import pytest

from manila_drivers.generic import guest_scripts
from manila_drivers.nas import samba_plan
from manila_drivers.testing.simulators.guest import machine
from manila_drivers.testing.simulators.guest import shell
from manila_drivers.testing.simulators.guest import shell_text

SCRIPTS = (
    'echo one; echo two',
    'printf "%s=%s\\n" a b c',
    'printf %s "no end"',
    'x=254:16; printf "<%02x:%02x:" "${x%:*}" "${x#*:}"',
    'a="x y"; set -- $a "$a"; echo $# "$1" "$3"',
    'echo "$@"; echo $#; shift; echo "$1"',
    'for each; do echo "<$each>"; done',
    'for each in a "b c" d; do [ "$each" = d ] && break; echo "$each"; done',
    'f() { echo $#; }; f "$@"; set --; f "$@"; f "$@" x; f "" "$@"',
    'x=; echo "${x:-empty}" "${x-set}" "${y-unset}" "${x:+no}" end',
    'x=/a/b/c; echo ${x##*/} ${x#*/} ${x%/*} ${x%%/*}.',
    'x="Estimated minimum: 42"; echo ${x##*: }',
    'echo $(( (2 + 3) * 4 / 3 - 1 ))',
    'n=5; echo $(( n * 2 )) $((n-$n))',
    'false || echo no; true && echo yes; false && echo never; echo $?',
    '! false; echo $?; ! true; echo $?',
    'if false; then echo a; elif true; then echo b; else echo c; fi',
    'if false; then echo a; fi; echo $?',
    'case abc in a|b) echo one ;; a*) echo two ;; *) echo three ;; esac',
    'case "a*" in "a*") echo star ;; esac',
    'case "x y" in *[_\\ ]"y") echo blank ;; *) echo none ;; esac',
    'case x in "") echo e ;; esac; echo $?',
    'f() { echo "f $1"; return 3; }; f x; echo $?',
    'f() { exit 4; }; f; echo never',
    '(exit 5); echo $?',
    'x=1; (x=2; echo $x); echo $x',
    'set -e; false; echo never',
    'set -e; false || true; echo on',
    'set -e; if false; then :; fi; echo on',
    'set -e; x=$(false); echo never',
    'set -e; f() { false; echo in; }; f || echo no; echo on',
    'set -e; (false); echo never',
    'set -e; false && true; echo on',
    'set -e; { false && true; } ; echo on',
    'set -eu; echo "${nothing-}"; echo $nothing; echo never',
    'trap "echo bye" EXIT; exit 7',
    'e() { s=$?; trap - EXIT; echo "s=$s"; exit 9; }; trap e EXIT; exit 3',
    'e() { echo end; }; trap e EXIT; set -e; false',
    'a=$(echo x; echo y); echo "$a"; echo $a',
    'echo "$(echo "a  b")" $(echo "c  d")',
    "printf 'a b\\nc d\\n' | while read -r x y; do echo \"$y-$x\"; done",
    "printf 'l1\\nl2' | while read -r x || [ -n \"$x\" ]; do echo $x; done",
    "printf '  a  b \\n' | { IFS= read -r x; echo \"<$x>\"; }",
    "printf '%s\\n' 'a\\b' | { read -r x; printf %s \"$x\" | cat; }",
    """i=0
    while [ $i -lt 3 ]; do
        i=$((i + 1))
        [ $i -eq 2 ] && continue
        echo $i
    done""",
    'i=0; until i=$((i + 1)); [ $i -gt 2 ]; do echo $i; done',
    """f() {
        while read -r x; do [ "$x" = b ] && return 0; done
        return 1
    }
    printf 'a\\nb\\n' | f; echo $?""",
    'echo a >&2; echo b 2>/dev/null',
    'x=$(echo err >&2; echo out) 2>/dev/null; echo $x',
    "set -f; set -- * '?'; echo \"$@\"",
    "x='$(touch /tmp/pwned)'; echo $x \"$x\"; set -- $x; echo $#",
    'x="a\'b"; echo "$x"',
    'echo a\\ b "c\\"d" \'e"f\'',
    'echo a # comment',
    'echo a#b',
    'status=0; (exit 6) || status=$?; echo $status',
    'command -v printf >/dev/null && echo known',
    'command -v surely-not || echo unknown',
    '[ -z "" ] && [ -n x ] && [ ! -e /surely/not ] && echo ok',
    '[ x != y ] && [ 3 -ge 2 ] && echo ok',
    'echo one \\\n two',
    'true; echo $?; false; echo $?',
    'x=a y=$x; echo $y',
    'IFS= ; echo ok',
    '(exit 25) || case $? in 1) echo a ;; *) echo $? ;; esac',
    'false; case x in x) ;; esac; echo $?; false; case x in y) ;; esac',
    '[ "" -ge 5 ]; echo $?; [ 5 -lt "" ] || echo on',
    'f() { x=$(false) || return 4; }; f; echo $?',
    'set -eu; x=$(false) && [ -n "$x" ] || echo no',
    'x=; echo $(( $(false) + 30 ))',
    'case " a b " in # remark\n" a "*" b ") echo one ;;\nesac',
    'n=1; while :; do n=$((n + 1)); case $n in 2) ;; *) break ;; esac; done',
    'f() { false || case $? in 1) exit 6 ;; esac; }; f; echo never',
    'echo "${1-none}" ${2:-"two words"} "$3"',
)


def run(text: str, *words: str) -> tuple[str, int]:
    system = machine.Machine('vm').programs
    out = shell.Sink()
    status = shell.Shell(system, ('sh', *words), root=True,
                         out=out).script(text)
    return out.text, status


@pytest.mark.parametrize('text', SCRIPTS)
def test_as_the_real_one(text):
    words = ('a b', 'c')
    real = subprocess.run(
        ['/bin/sh', '-c', text, 'sh', *words], capture_output=True,
        text=True, stdin=subprocess.DEVNULL, check=False)
    assert run(text, *words) == (real.stdout, real.returncode)


@pytest.mark.parametrize('text', [
    'echo `date`', 'cat <<EOF\na\nEOF', 'if true; then', 'echo )', 'fi',
    'case x in a) echo', '{ echo a', "echo 'a", '${x/y/z}'])
def test_what_is_not_known_is_no_script(text):
    with pytest.raises((shell_text.ScriptError, ValueError, IndexError)):
        shell_text.parse(text)


def test_a_job_that_would_keep_the_connection_is_refused():
    with pytest.raises(shell_text.ScriptError, match='connection'):
        run('(sleep 5; echo late) &')


@pytest.mark.parametrize('name', [
    'DISKS', 'FORMAT', 'REIDENTIFY', 'MOUNT', 'UNMOUNT', 'FSTAB', 'EXPORTS',
    'GROW', 'SHRINK', 'SUSPEND', 'FREEZE', 'THAW'])
def test_real_shells_can_read_our_scripts(name):
    text = getattr(guest_scripts, name)
    subprocess.run(['/bin/sh', '-n'], input=text, text=True, check=True)
    shell_text.parse(text)


def test_a_real_shell_can_read_how_connections_are_closed():
    text = samba_plan.closed('share').words()[2]
    subprocess.run(['/bin/sh', '-n'], input=text, text=True, check=True)
