"""German spelling: one folded form for everything that is compared, and names of municipalities without epithets."""

import re
import unicodedata

EPITHET = re.compile(r"^(?:\S+\s+)*\S*(?:stadt|gemeinde)\s+(?=\S)", re.IGNORECASE)
ABBREVIATIONS = {
    r"\brhld\.": "rheinland",
    r"\bwestf\.": "westfalen",
    r"\bsauerl\.": "sauerland",
    r"\ba\.\s?d\.": "an der",
    r"\ba\.\s?rh?\.": "am rhein",
    r"\bst\.": "sankt",
}


UNSEEN = "\u00ad\u200b\u200c\u200d\u2060\ufeff"
"""Signs that no reader sees: where a word may be hyphenated, and the like. Texts from word processors hold them."""
WITHOUT_UNSEEN = dict.fromkeys(map(ord, UNSEEN))


def folded(text: str) -> str:
    """Lower case with ü = ue = u and ß = ss, so that every spelling of a word gives the same letters.

    The folded form of a word's beginning is the beginning of its folded form: prefixes may be folded, too.
    """
    return _without_marks(text.casefold()).replace("ae", "a").replace("oe", "o").replace("ue", "u")


UMLAUTS = WITHOUT_UNSEEN | str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})


def spelled(text: str) -> str:
    """Lower case with ä written ae and ß written ss: the spellings of one word, and of no other word.

    Of a word something is always left, though it be a mark without a letter.
    """
    plain = unicodedata.normalize("NFC", text.casefold()).translate(UMLAUTS)
    if plain.isascii():
        return plain
    return _without_marks(plain) or plain


def bare(spelling: str) -> str:
    """What is left of a `spelled` word when its umlauts are overlooked: the same as `folded` makes of it."""
    return spelling.replace("ae", "a").replace("oe", "o").replace("ue", "u")


def words(text: str) -> list[str]:
    """The folded words of a text, in order, without punctuation."""
    return re.findall(r"[^\W_]+", folded(text))


def sort_key(text: str) -> str:
    """Orders as DIN 5007-1 does (ä like a, ß like ss, punctuation aside) under a bytewise collation."""
    return " ".join(re.findall(r"[^\W_]+", _without_marks(text.casefold())))


def _without_marks(text: str) -> str:
    """Bare letters, and nothing that cannot be seen."""
    decomposed = unicodedata.normalize("NFKD", text.translate(WITHOUT_UNSEEN))
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def spelled_out(name: str) -> str:
    """A name without abbreviations: "langenfeld (rheinland)"."""
    text = name.casefold()
    for abbreviation, meaning in ABBREVIATIONS.items():
        text = re.sub(abbreviation, meaning, text)
    return text


def name_key(name: str) -> str:
    """What two spellings of one name have in common: "Langenfeld (Rhld.)" is "Langenfeld (Rheinland)"."""
    return " ".join(words(spelled_out(name)))


def without_epithet(name: str) -> str:
    """ "Alte Hansestadt Lemgo" without the honour: "Lemgo"."""
    return EPITHET.sub("", name)


def name_keys(name: str) -> list[str]:
    """All keys a name may be found by: as written and without its epithet."""
    return list(dict.fromkeys(key for key in (name_key(name), name_key(without_epithet(name))) if key))
