"""What is written on paper can be seen there."""

import typst

from services.catalog.undertaking_print import BOX, TEMPLATE, displayable

LETTER = b'#set document(title: "x")\n#set text(font: "Libertinus Serif", lang: "de")\n#sys.inputs.text'


def test_whatever_is_let_through_has_a_sign_in_the_font() -> None:
    kept = [chr(code) for code in range(0x20, 0x10000) if displayable(chr(code)) == chr(code)]
    assert set("äöüßÄÖÜẞ§€–„“½²✓→éłşčğ") <= set(kept)
    assert len(kept) > 1400
    text = " ".join(kept)
    assert typst.compile(
        LETTER, format="pdf", pdf_standards=["ua-1"], ignore_system_fonts=True, sys_inputs={"text": text}
    ).startswith(b"%PDF")


def test_what_has_none_is_a_box() -> None:
    assert displayable("a🙂b日\u200bc\ufeff") == f"a{BOX}b{BOX}{BOX}c{BOX}"
    assert displayable("e\u0301") == "é"
    assert b"Libertinus Serif" in TEMPLATE.read_bytes()
