package fault

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"chaffer/internal/auth"
	"chaffer/internal/models"
)

const (
	badLines  = 6               // devices behind lines that can be made bad
	shortLife = 5 * time.Second // of some tokens, which count for auth.Leeway more
)

// castOddly adds third devices: behind bad lines, with tokens that soon expire, and the stock
// client as a witness. They only listen, and are held to the same ledger.
func (r *run_) castOddly() {
	add := func(person int, d *device) *device {
		like := r.devices[2*person]
		d.run, d.who, d.chats, d.got, d.home = r, like.who, like.chats, map[string]*line{}, person
		if d.life == 0 {
			d.life = time.Hour
		}
		r.devices = append(r.devices, d)
		return d
	}
	for i := range badLines {
		d := add(i, &device{confirms: i%2 == 0})
		d.way = newCable(r.t, r.world.nodes[i%len(r.world.nodes)].url)
		d.home = i
	}
	for i := range 4 {
		add(badLines+i, &device{life: shortLife})
	}
	for i := range 2 {
		add(badLines+4+i, &device{}).witness = newWitness(r.t)
	}
}

// lines makes the bad lines bad for a while; also is done before they are good again.
func (r *run_) lines(how func(c *cable), howLong time.Duration, also ...func()) {
	for _, d := range r.devices {
		if d.way != nil {
			d.way.set(func() { how(d.way) })
		}
	}
	time.Sleep(howLong)
	for _, f := range also {
		f()
	}
	for _, d := range r.devices {
		if d.way != nil {
			d.way.set(func() { d.way.delay, d.way.rate, d.way.frozen = 0, 0, false })
		}
	}
}

// abuse sends what nobody should from one signed-in person on many connections, beside the honest
// ones: events that cannot be, packets that are none, handshakes that lead nowhere.
func (r *run_) abuse(howLong time.Duration) {
	end := time.Now().Add(howLong)
	token, err := auth.Mint(secret, auth.Claims{User: models.UserRef{Type: models.TypeCustomer, ID: "666"}}, time.Hour)
	r.must(err)
	flood := []string{
		`42/chat,1["sendMessage",{"productId":{},"recipientId":[1],"text":7}]`, `42/chat,2["sendMessage"]`, `42/chat,3["nothing",{}]`,
		`42/chat,4["getMessages",{"chatId":"00000000-0000-7000-8000-000000000000","limit":100}]`,
		`42/chat,5["sendMessage",{"productId":"x","recipientId":"1","text":"` + strings.Repeat("a", 20000) + `"}]`, `451-/chat,["x",{"_placeholder":true,"num":0}]`, `9`,
	}
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			n := r.world.nodes[i%len(r.world.nodes)]
			for time.Now().Before(end) {
				conn, _, err := websocket.DefaultDialer.Dial("ws://"+n.url+"/socket.io/?EIO=4&transport=websocket", nil)
				if err != nil {
					time.Sleep(50 * time.Millisecond)
					continue
				}
				send := func(text string) bool {
					_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
					return conn.WriteMessage(websocket.TextMessage, []byte(text)) == nil
				}
				ok := send(fmt.Sprintf(`40/presence,{"token":%q}`, token)) && send(fmt.Sprintf(`40/chat,{"token":%q}`, token))
				for ok && time.Now().Before(end) {
					ok = send(flood[rand.IntN(len(flood))])
					time.Sleep(time.Millisecond)
				}
				conn.Close()
			}
		})
		all.Go(func() {
			for time.Now().Before(end) {
				resp, err := http.Get("http://" + r.world.nodes[i%len(r.world.nodes)].url + "/socket.io/?EIO=4&transport=polling")
				if err == nil {
					resp.Body.Close()
				}
				time.Sleep(10 * time.Millisecond)
			}
		})
	}
	all.Wait()
}
