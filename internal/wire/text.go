package wire

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// MaxNameLength is how many characters a name may have, MaxURLLength how many bytes an address.
const (
	MaxNameLength = 120
	MaxURLLength  = 2048
)

// maxMarks is how many combining marks may stand on one letter. No script needs as many; more of
// them run into the lines above and below.
const maxMarks = 8

// Marks finds combining marks beyond the eighth on a letter: Keep is asked of each rune in order.
// What is invisible between two marks starts no new letter.
type Marks struct{ run int }

// Keep reports whether r may stay.
func (m *Marks) Keep(r rune) bool {
	switch {
	case r < 0x300: // nothing below combines
		m.run = 0
	case unicode.Is(unicode.M, r):
		m.run++
	case !unicode.Is(unicode.Cf, r):
		m.run = 0
	}
	return m.run <= maxMarks
}

// CleanText is s as both databases keep it and as it rearranges nothing around it: broken UTF-8 becomes
// U+FFFD, line ends become \n, and control characters other than newline and tab go, as do the direction
// overrides that make one text look like another (U+202A–202E, U+2066–2069) and towers of accents. It is not
// shortened.
func CleanText(s string) string {
	s = strings.ToValidUTF8(strings.ReplaceAll(s, "\r\n", "\n"), "\uFFFD")
	var marks Marks
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r), r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069:
			return -1
		case !marks.Keep(r):
			return -1
		}
		return r
	}, s)
}

// IsBlank reports whether nothing in s is visible: only spaces and zero-width characters.
func IsBlank(s string) bool {
	for _, r := range s {
		if !unicode.IsSpace(r) && !unicode.Is(unicode.Cf, r) && r != '\u3164' && r != '\u2800' {
			return false
		}
	}
	return true
}

// CleanName is s as one line of text that cannot rearrange what stands around it: no control
// characters, no bidirectional overrides, nothing invisible, no towers of accents, blanks folded,
// and one spelling for what looks the same (NFKC). It is not shortened.
func CleanName(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == utf8.RuneError || unicode.IsControl(r):
			return -1
		case unicode.Is(unicode.Cf, r) && r != '\u200c' && r != '\u200d': // the joiners belong to Persian, Indic scripts and emoji
			return -1
		}
		return r
	}, s)
	var marks Marks
	s = strings.Map(func(r rune) rune {
		if marks.Keep(r) {
			return r
		}
		return -1
	}, norm.NFKC.String(s))
	return strings.Join(strings.Fields(s), " ")
}

// ValidURL reports whether s may be shown as an image or a link: absolute https (and http when
// allowHTTP), a host, no user name, nothing that a browser would quietly remove.
func ValidURL(s string, allowHTTP bool) bool {
	if s == "" || len(s) > MaxURLLength || strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r == 0x7f || r == '\\' || unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == utf8.RuneError
	}) {
		return false
	}
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Opaque != "" {
		return false
	}
	return u.Scheme == "https" || allowHTTP && u.Scheme == "http"
}
