"""What a new password must be: long enough and not the first guess. No composition rules, no expiry.

After NIST SP 800-63B: a code point is a character, every printable one is taken, and what an attacker tries first is
refused (5.1.1.2 of revision 3).
"""

import itertools
import unicodedata

from registry.errors import InvalidInput

SHORTEST = 8
LONGEST = 1024

# Often used, and eight characters or more; repetitions, sequences and names are refused by rule.
_COMMON = """
password password1 password12 password123 password1234 passw0rd p@ssw0rd p@ssword pa55word mypassword
12341234 11223344 1q2w3e4r 1q2w3e4r5t 1qaz2wsx 1qazxsw2 qazwsxedc zaq12wsx q1w2e3r4 qwer1234 abcd1234 a1b2c3d4
qwertyui qwertyuiop qwerty12 qwerty123 qwertz123 azertyuiop asdfghjk asdfghjkl zxcvbnm1 1234qwer 123qweasd
iloveyou iloveyou1 trustno1 letmein1 letmein123 welcome1 welcome123 sunshine princess football baseball superman
starwars whatever computer internet changeme changeme1 changeme123 changeit administrator admin123 admin1234
rootroot testtest test1234 guest123 default1 secret123 master123 monkey123 dragon123 temp1234
"""
COMMON = frozenset(_COMMON.split())


def check_password(password: str, username: str) -> None:
    """InvalidInput says in one line what is wrong with a new password of that user; the line never shows it."""
    if len(password) > LONGEST:
        raise InvalidInput(f"The password is too long: at most {LONGEST} characters")
    plain = unicodedata.normalize("NFKC", password)
    if any(unicodedata.category(one) in ("Cc", "Cs", "Cn") for one in plain):
        raise InvalidInput("The password holds a character that can't be typed: no NUL, no line end, no tab")
    if len(plain) < SHORTEST:
        raise InvalidInput(f"The password is too short: at least {SHORTEST} characters")
    if _is_a_first_guess(plain.casefold(), username.casefold()):
        raise InvalidInput("The password is one that is tried first: a common one, a name, a repetition or a sequence")


def _is_a_first_guess(password: str, username: str) -> bool:
    if password in COMMON:
        return True
    steps = {ord(after) - ord(before) for before, after in itertools.pairwise(password)}
    if len(steps) == 1 and steps <= {-1, 0, 1}:
        return True
    # A name with a few digits or signs around it is still that name.
    bare = password.strip("0123456789!?.,-_#*@ ")
    return bare in (username, username[::-1], "modelport") or password == username
