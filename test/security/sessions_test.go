package security

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"chaffer/internal/realtime/siotest"
)

// sessionRows are about who may begin a session, and how many there are afterwards.
var sessionRows = []attack{
	{number: "T20", name: "rotation of key sets", run: func(s *site) string {
		keys := s.keyServer()
		keys.publish("old", "new")
		n := s.another(map[string]string{"JWT_SECRET": "", "JWKS_URL": keys.url})
		good := func(names ...string) {
			for _, name := range names {
				n.want(200, nobody, "GET", "/api/v1/chats", "", "Authorization", "Bearer "+keys.token(name))
				c := n.dial()
				c.Connect("/presence", keys.token(name))
				c.Expect("/presence", "connection", siotest.Timeout)
				c.Close()
			}
		}
		good("old", "new")
		seen := badTokens(n, map[string]string{"another key under a known name": keys.forged("old"), "no key of the set": signed(claims(nil), nil)})
		keys.publish("new", "next") // the node asks again when a token names a key it does not know
		good("next", "new")
		badTokens(n, map[string]string{"the key that has left the set": keys.token("old")})
		s.sockets += n.sockets
		return "both keys are good while the set has them; " + seen + "; the key that has left the set: 401"
	}},
	{number: "T23", name: "connects that race with disconnects", settings: map[string]string{}, run: func(s *site) string {
		times := 1000
		if s.socket != nil {
			times = 200 // each is five requests
		}
		var workers sync.WaitGroup
		var whole atomic.Int64
		for first := range 4 {
			workers.Go(func() {
				for i := first; i < times; i += 4 {
					if s.race(i) {
						whole.Add(1)
					}
				}
			})
		}
		workers.Wait()
		s.sockets += times
		s.emptied() // also of those whose connection is still open
		if whole.Load() == 0 {
			s.Error("nobody ever had a session")
		}
		return "1,000 connects (200 over long-polling) that leave `/presence` or close at another moment each: afterwards the node counts no session, also of connections that stay open"
	}},
	{number: "T24", name: "200 pipelined CONNECT packets", run: func(s *site) string {
		for _, nsp := range []string{"/presence", "/chat"} {
			c := s.dial(bearer(token(john, time.Hour)))
			if nsp == "/chat" {
				c.Connect("/presence", token(john, time.Hour))
				c.Expect("/presence", "connection", siotest.Timeout)
			}
			var packets []string
			for range 200 {
				packets = append(packets, "40"+nsp+",")
			}
			s.burst(c, packets...)
			c.ExpectClosed(siotest.Timeout)
			for what, n := range map[string]int{
				"answers": kinds(c, siotest.KindConnect, nsp), "connections": count(c.Events(nsp), "connection"),
				"lists": count(c.Events(nsp), "userChats"), "queues": count(c.Events(nsp), "offlineMessages"),
			} {
				if n > 1 {
					s.Errorf("%s: %d %s", nsp, n, what)
				}
			}
			s.emptied()
		}
		return "at most one session and one list of chats, then closed; afterwards the node counts no session"
	}},
	{number: "T27", name: "an event before the CONNECT is answered", run: func(s *site) string {
		const send = `42/chat,1["sendMessage",{"productId":"t27","recipientId":2,"text":"x"}]`
		c := s.dial()
		c.Connect("/presence", token(john, time.Hour))
		c.Raw(send) // never joined
		c.ExpectClosed(siotest.Timeout)
		first := s.dial(bearer(token(john, time.Hour)))
		s.burst(first, send, "40/presence,", "40/chat,") // before the CONNECT
		first.ExpectClosed(siotest.Timeout)
		refused := s.dial()
		s.burst(refused, `40/chat,{"token":"abc"}`, send) // behind one that is not answered yet, and never well
		refused.ExpectClosed(siotest.Timeout)
		for _, c := range []*siotest.Client{c, first, refused} {
			if kinds(c, siotest.KindAck, "/chat") != 0 {
				s.Error("the event was answered")
			}
		}
		return "closed; nothing is answered, nothing stored"
	}},
	{number: "T40", name: "too many sockets and connections of one address", settings: map[string]string{"TRUSTED_PROXIES": "127.0.0.1", "LIMIT_CONNECTIONS_PER_IP": "2"}, run: func(s *site) string {
		refused := func(n *site, address string) bool {
			c, res, err := n.tryDial(from(address))
			if err == nil {
				c.Close()
				return false
			}
			if res == nil || res.StatusCode != 429 || res.Header.Get("Retry-After") == "" {
				s.Errorf("refused as %v", err)
			}
			return true
		}
		one := s.dial(from("203.0.113.1"))
		s.dial(from("203.0.113.1"))
		if !refused(s, "203.0.113.1") {
			s.Error("a third connection is let in")
		}
		s.dial(from("203.0.113.2"))
		one.Close()
		s.until("place for another connection", func() string {
			if refused(s, "203.0.113.1") {
				return ""
			}
			return "free"
		})
		n := s.another(map[string]string{"TRUSTED_PROXIES": "127.0.0.1", "LIMIT_CONNECTS_PER_MINUTE_PER_IP": "3"})
		late := 0
		for range 8 { // however the minute ends, at most six are let in
			if refused(n, "203.0.113.3") {
				late++
			}
		}
		if late < 2 || refused(n, "203.0.113.4") {
			s.Errorf("%d of 8 new connections in a minute refused, or those of others too", late)
		}
		return "one open connection or new one too many: 429 with Retry-After on the handshake; other addresses are let in, and this one when it has closed one"
	}},
}

// race connects somebody and lets them leave at one of four moments; it reports whether they had a whole session.
func (s *site) race(i int) (whole bool) {
	c, _, err := siotest.TryDial(s.T, s.url, append([]siotest.Option{bearer(token(customer(fmt.Sprint(1000+i)), time.Hour))}, s.socket...)...)
	if err != nil {
		s.Error(err)
		return false
	}
	switch i % 4 {
	case 0: // at once; the connection may stay
		s.burst(c, "40/presence,", "40/chat,", "41/presence,")
	case 1:
		s.burst(c, "40/presence,", "40/chat,")
		c.Close()
	case 2: // without presence while /chat is looking for it; the connection stays
		s.burst(c, "40/presence,", "40/chat,")
		_, _ = c.TryExpect("/presence", "connection", siotest.Timeout)
		c.Disconnect("/presence")
	default:
		s.burst(c, "40/presence,", "40/chat,")
		_, err := c.TryExpect("/chat", "userChats", siotest.Timeout)
		whole = err == nil
		c.Close()
	}
	return whole
}

// keyServer is a shop's key server; each key has a name and is made when it is first asked for.
type keyServer struct {
	s   *site
	url string

	mu   sync.Mutex
	keys map[string]ed25519.PrivateKey
	set  []string
}

func (s *site) keyServer() *keyServer {
	s.Helper()
	k := &keyServer{s: s, keys: map[string]ed25519.PrivateKey{}}
	server := httptest.NewServer(http.HandlerFunc(k.answer))
	s.Cleanup(server.Close)
	k.url = server.URL
	return k
}

func (k *keyServer) publish(names ...string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.set = names
}

func (k *keyServer) answer(w http.ResponseWriter, _ *http.Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var keys []map[string]string
	for _, name := range k.set {
		public, _ := k.key(name).Public().(ed25519.PublicKey)
		keys = append(keys, map[string]string{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": name, "x": base64.RawURLEncoding.EncodeToString(public)})
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"keys": keys})
}

// key is one of the shop's; the caller holds the lock.
func (k *keyServer) key(name string) ed25519.PrivateKey {
	if k.keys[name] == nil {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			panic(err)
		}
		k.keys[name] = key
	}
	return k.keys[name]
}

// token is John's, signed by the key of that name.
func (k *keyServer) token(name string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.signed(name, k.key(name))
}

// forged is signed by somebody else's key under that name.
func (k *keyServer) forged(name string) string {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return k.signed(name, key)
}

func (k *keyServer) signed(name string, key ed25519.PrivateKey) string {
	t := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims(nil))
	t.Header["kid"] = name
	text, err := t.SignedString(key)
	if err != nil || strings.Count(text, ".") != 2 {
		k.s.Errorf("a token that cannot be signed: %v", err)
	}
	return text
}
