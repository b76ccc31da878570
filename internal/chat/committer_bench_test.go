package chat

import (
	"strconv"
	"sync"
	"testing"

	"chaffer/internal/auth"
	"chaffer/internal/db/dbtest"
	"chaffer/internal/models"
)

// BenchmarkCommitter stores messages of 100 chats, as many at once as the queue takes.
func BenchmarkCommitter(b *testing.B) {
	for name, open := range map[string]func(testing.TB) string{"sqlite": dbtest.SQLite, "postgres": dbtest.Postgres} {
		b.Run(name, func(b *testing.B) {
			h := newHouse(b, open(b))
			people := make([]auth.Identity, 100)
			for i := range people {
				people[i] = auth.Identity{User: models.UserRef{Type: models.TypeCustomer, ID: strconv.Itoa(i + 1)}}
				must[Sent](b)(h.Send(b.Context(), people[i], ask("p", "hello")))
			}
			var wg sync.WaitGroup
			room := make(chan struct{}, 1600)
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				room <- struct{}{}
				wg.Add(1)
				h.SendAsync(b.Context(), people[i%len(people)], ask("p", "Is this available?"), func(_ Sent, err error) {
					if err != nil {
						b.Error(err)
					}
					<-room
					wg.Done()
				})
			}
			wg.Wait()
		})
	}
}
