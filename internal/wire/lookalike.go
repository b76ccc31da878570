package wire

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Scripts with letters that can be taken for Latin ones. No language writes them and Latin letters in one word.
var likeLatin = []*unicode.RangeTable{unicode.Cyrillic, unicode.Greek, unicode.Armenian, unicode.Cherokee, unicode.Coptic, unicode.Lisu, unicode.Deseret}

// beside are scripts that are written together in one word, after "highly restrictive" in Unicode
// Technical Standard 39: Japanese, Korean, and Chinese with its phonetic letters.
var beside = [][]*unicode.RangeTable{
	{unicode.Han, unicode.Hiragana, unicode.Katakana},
	{unicode.Han, unicode.Hangul},
	{unicode.Han, unicode.Bopomofo},
}

// twins are letters of other scripts that look like a letter of the Latin one, after confusables.txt of the same standard.
const twins = "" +
	"АВЕЅІЈКМНОРСТУХҮҺԀԌԚԜӀаеѕіјорсухүһԁԛԝӏɡѵѴ" + // Cyrillic
	"ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹϺϳανικορυχϲγ" + // Greek
	"ՍՏՕՈոսօցհզյ" + // Armenian
	"ᎪᏴᏟᎠᎬᎢᎫᏦᏞᎷᏢᏒᏚᎢᏙᏔᎩᏃᎻ" + // Cherokee
	"ⲞⲟⲤⲥⲢⲣⲀⲔⲘⲚⲦⲬ" // Coptic

// LooksAlike reports whether a name may be read as another one: a word has letters of two alphabets
// that look alike ("Аррle" with a Cyrillic А, р, р), a part of a Latin name has nothing but twins of
// Latin letters, or something invisible stands in a word that does not need it. It is a warning for
// people, not a reason to refuse: an innocent name may set it off, a forged one in a single foreign
// alphabet ("Вера", which is a Russian name as well) does not. Most names cost one look at each letter.
func LooksAlike(name string) bool {
	if isPlain(name) {
		return false
	}
	var latin, distinct, twin bool
	for _, word := range strings.FieldsFunc(name, endsWord) {
		w := read(word)
		if w.mixed() {
			return true
		}
		latin = latin || w.latin
		twin = twin || w.twin && utf8.RuneCountInString(word) > 1 // one letter is a formula: α-tocopherol
		distinct = distinct || w.foreign && w.distinct
	}
	return latin && twin && !distinct
}

// isPlain recognises most honest names by the ranges of their letters alone: all Latin, Japanese or
// Chinese with or without Latin, or all Cyrillic.
func isPlain(s string) bool {
	var latin, cyrillic bool
	for _, r := range s {
		switch {
		case r < utf8.RuneSelf:
			latin = latin || r >= 'A'
		case r >= 0xC0 && r < 0x250, r >= 0x3041 && r <= 0x30FF, r >= 0x4E00 && r <= 0x9FFF:
			latin = true // what may stand beside Latin
		case r >= 0x400 && r < 0x530:
			cyrillic = true
		default:
			return false
		}
	}
	return !latin || !cyrillic
}

// endsWord keeps letters, marks, digits and the invisible joiners together.
func endsWord(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.Cf, r)
}

// word is what a word is written in.
type word struct {
	latin    bool // letters of the Latin script
	foreign  bool // of one in likeLatin
	twin     bool // of these, some that look like Latin ones
	distinct bool // and some that do not
	joined   bool // an invisible joiner
	other    []*unicode.RangeTable
}

func read(text string) word {
	var w word
	for _, r := range text {
		switch {
		case r < utf8.RuneSelf:
			w.latin = w.latin || r >= 'A'
		case !unicode.IsLetter(r):
			w.joined = w.joined || unicode.Is(unicode.Cf, r)
		case unicode.Is(unicode.Latin, r):
			w.latin = true
		default:
			w.note(r)
		}
	}
	return w
}

// note takes in a letter that is not Latin.
func (w *word) note(r rune) {
	script := scriptOf(r)
	if script == nil { // Common: the long vowel mark of Japanese, the tatweel of Arabic
		return
	}
	if !slices.Contains(w.other, script) {
		w.other = append(w.other, script)
	}
	if slices.Contains(likeLatin, script) {
		w.foreign = true
		like := strings.ContainsRune(twins, r)
		w.twin, w.distinct = w.twin || like, w.distinct || !like
	}
}

// mixed reports whether the word has letters that no language writes together. A Greek letter that
// looks like no other is a unit or a formula beside Latin: 10kΩ, 5μF.
func (w word) mixed() bool {
	formula := w.foreign && !w.twin && len(w.other) == 1 && w.other[0] == unicode.Greek
	return w.latin && w.foreign && !formula ||
		w.joined && (w.latin || w.foreign) ||
		len(w.other) > 1 && !together(w.other)
}

func together(scripts []*unicode.RangeTable) bool {
	return slices.ContainsFunc(beside, func(group []*unicode.RangeTable) bool {
		return !slices.ContainsFunc(scripts, func(s *unicode.RangeTable) bool { return !slices.Contains(group, s) })
	})
}

// often are the scripts to try first, so that a name in one of them is read quickly.
var often = []*unicode.RangeTable{unicode.Cyrillic, unicode.Han, unicode.Arabic, unicode.Greek, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Hebrew, unicode.Thai, unicode.Devanagari}

// scriptOf is the script of a letter; nil for letters of no script in particular.
func scriptOf(r rune) *unicode.RangeTable {
	for _, s := range often {
		if unicode.Is(s, r) {
			return s
		}
	}
	for name, s := range unicode.Scripts {
		if name != "Common" && name != "Inherited" && unicode.Is(s, r) {
			return s
		}
	}
	return nil
}
