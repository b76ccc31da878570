package realtime_test

import (
	"io"
	"strings"
	"sync"
)

// body is a request body whose second half waits until it is released.
type body struct {
	r     io.Reader
	began chan struct{}
	free  chan struct{}
	once  sync.Once
	sent  bool
}

func slowBody(text string) (b *body, release func()) {
	b = &body{r: strings.NewReader(text[1:]), began: make(chan struct{}), free: make(chan struct{})}
	return b, func() { close(b.free) }
}

func (b *body) Read(p []byte) (int, error) {
	if !b.sent {
		b.sent = true
		p[0] = '4'
		return 1, nil
	}
	b.once.Do(func() { close(b.began) })
	<-b.free
	return b.r.Read(p)
}

// started waits until the first half is on its way.
func (b *body) started() { <-b.began }
