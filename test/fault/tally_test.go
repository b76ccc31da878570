package fault

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// line is what a device has of one chat, a few bytes a message.
type line struct {
	texts  []uint64 // place−1 → mark of the text, 0: missing
	pushed []uint64 // bit place−1: it came without being asked for
	whole  int64    // 1 to whole are there
}

// mark stands for a text; erased for one that its sender has deleted.
func mark(text string) uint64 {
	if text == "" {
		return erased
	}
	return hash(text) | 1<<63
}

const erased = uint64(1)

// put notes a place; had: it was there before.
func (l *line) put(seq int64, text string) (had bool) {
	for int64(len(l.texts)) < seq {
		l.texts = append(l.texts, 0)
	}
	had = l.texts[seq-1] != 0
	l.texts[seq-1] = mark(text)
	for l.whole < int64(len(l.texts)) && l.texts[l.whole] != 0 {
		l.whole++
	}
	return had
}

// push notes that a place was pushed; again: not for the first time.
func (l *line) push(seq int64) (again bool) {
	word, bit := int((seq-1)/64), uint64(1)<<((seq-1)%64)
	for len(l.pushed) <= word {
		l.pushed = append(l.pushed, 0)
	}
	again = l.pushed[word]&bit != 0
	l.pushed[word] |= bit
	return again
}

func (l *line) count() (n int) {
	for _, w := range l.pushed {
		n += bits.OnesCount64(w)
	}
	return n
}

// delays counts durations by the millisecond, up to a minute.
type delays [60_001]atomic.Uint32

func (d *delays) add(took time.Duration) {
	d[min(max(took.Milliseconds(), 0), int64(len(d)-1))].Add(1)
}

// percentile is in ms, 0 for no samples.
func (d *delays) percentile(p float64) int64 {
	total := uint64(0)
	for i := range d {
		total += uint64(d[i].Load())
	}
	sum := uint64(0)
	for i := range d {
		if sum += uint64(d[i].Load()); total > 0 && float64(sum) >= p/100*float64(total) {
			return int64(i)
		}
	}
	return 0
}
