package sio

// scanner finds where JSON values end without decoding them, in one pass, and bounds how deep
// they nest and how many keys their objects have.
type scanner struct {
	b []byte
	i int
}

// space skips white space and returns the byte that follows, 0 at the end.
func (s *scanner) space() byte {
	for s.i < len(s.b) {
		switch c := s.b[s.i]; c {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return c
		}
	}
	return 0
}

// next consumes c if it comes next.
func (s *scanner) next(c byte) bool {
	if s.space() != c {
		return false
	}
	s.i++
	return true
}

// value consumes one value and returns its bytes.
func (s *scanner) value() ([]byte, bool) {
	c := s.space()
	start := s.i
	switch c {
	case 0:
		return nil, false
	case '"':
		if !s.text() {
			return nil, false
		}
	case '{', '[':
		if !s.nested() {
			return nil, false
		}
	default:
		for s.i < len(s.b) && isScalar(s.b[s.i]) {
			s.i++
		}
		if s.i == start {
			return nil, false
		}
	}
	return s.b[start:s.i], true
}

// nested consumes an array or object.
func (s *scanner) nested() bool {
	var keys [MaxDepth + 1]int
	var open [MaxDepth + 1]byte
	depth := 0
	for s.i < len(s.b) {
		switch c := s.b[s.i]; c {
		case '"':
			if !s.text() {
				return false
			}
			continue
		case '{', '[':
			if depth++; depth > MaxDepth {
				return false
			}
			open[depth], keys[depth] = c, 0
		case '}', ']':
			if c != open[depth]+2 { // '{'+2 is '}', '['+2 is ']'
				return false
			}
			if depth--; depth == 0 {
				s.i++
				return true
			}
		case ':':
			keys[depth]++
			if keys[depth] > maxNestedKeys || (depth == 1 && keys[depth] > maxKeys) {
				return false
			}
		}
		s.i++
	}
	return false
}

// text consumes a quoted string.
func (s *scanner) text() bool {
	for s.i++; s.i < len(s.b); s.i++ {
		switch s.b[s.i] {
		case '\\':
			s.i++
		case '"':
			s.i++
			return true
		}
	}
	return false
}

func isScalar(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == '+' || c == '.'
}
