package product

import (
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"chaffer/internal/models"
)

// Bounds of what a node remembers: every first message of a chat asks for its product.
const (
	cacheSize   = 10_000
	rememberFor = 30 * time.Second
	// An absent product is forgotten sooner: a shop publishes one and opens its page at once.
	rememberAbsentFor = 3 * time.Second
)

type cached struct {
	product models.Product
	known   bool // false: the catalogue has none of this id
	until   time.Time
}

// cache remembers answers of the store. An answer that was read before a change on this node is
// not kept after it: turns tell the two apart.
type cache struct {
	entries *lru.Cache[string, cached]
	turns   atomic.Uint64
	now     func() time.Time
}

func newCache() *cache {
	entries, err := lru.New[string, cached](cacheSize)
	if err != nil {
		panic(err) // the size is a constant above zero
	}
	return &cache{entries: entries, now: time.Now}
}

func (c *cache) get(id string) (p models.Product, known, ok bool) {
	e, ok := c.entries.Get(id)
	if !ok || c.now().After(e.until) {
		return models.Product{}, false, false
	}
	return e.product, e.known, true
}

// turn is taken before the store is asked, and given to keep with the answer.
func (c *cache) turn() uint64 { return c.turns.Load() }

func (c *cache) keep(turn uint64, p models.Product, known bool) {
	life := rememberFor
	if !known {
		life = rememberAbsentFor
	}
	c.entries.Add(p.ID, cached{p, known, c.now().Add(life)})
	if c.turns.Load() != turn { // something changed since: the answer may be the old one
		c.entries.Remove(p.ID)
	}
}

func (c *cache) forget(id string) {
	c.turns.Add(1)
	c.entries.Remove(id)
}
