package security

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"chaffer/internal/realtime/siotest"
)

// claims of John's good token; change spoils them.
func claims(change jwt.MapClaims) jwt.MapClaims {
	now := time.Now()
	out := jwt.MapClaims{"userId": 2, "userType": "customer", "iss": "shop", "aud": "chaffer", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}
	maps.Copy(out, change)
	for k, v := range out {
		if v == nil {
			delete(out, k)
		}
	}
	return out
}

func signed(c jwt.MapClaims, header map[string]any) string {
	t := jwt.NewWithClaims(jwt.SigningMethodHS256, c)
	maps.Copy(t.Header, header)
	s, err := t.SignedString([]byte(secret))
	if err != nil {
		panic(err)
	}
	return s
}

func segment(v any) string {
	b, _ := json.Marshal(v)
	return base64.RawURLEncoding.EncodeToString(b)
}

// badTokens fails unless each is refused on both namespaces and on REST.
func badTokens(s *site, bad map[string]string) string {
	for name, t := range bad {
		for _, nsp := range []string{"/presence", "/chat"} {
			if status := s.refusedSocket(nsp, map[string]string{"token": t}); status != 401 {
				s.Errorf("%s: %s answers %d", name, nsp, status)
			}
		}
		if a := s.rest(nobody, "GET", "/api/v1/chats", "", "Authorization", "Bearer "+t); a.status != 401 && a.status != 431 {
			s.Errorf("%s: REST answers %d %s", name, a.status, a.body)
		}
	}
	return fmt.Sprintf("%d tokens: `appError` 401 and disconnected in both namespaces, REST 401", len(bad))
}

var tokenRows = []attack{
	{number: "T01", name: "no token, or not a text", run: func(s *site) string {
		for name, credentials := range map[string]any{
			"none": nil, "empty": map[string]any{"token": ""}, "number": map[string]any{"token": 1}, "array": map[string]any{"token": []int{1}},
			"object": map[string]any{"token": map[string]any{"a": 1}}, "null": map[string]any{"token": nil},
		} {
			if status := s.refusedSocket("/presence", credentials); status != 401 {
				s.Errorf("%s: %d", name, status)
			}
		}
		s.want(401, nobody, "GET", "/api/v1/chats", "")
		s.want(401, nobody, "GET", "/api/v1/chats", "", "Authorization", "Basic dXNlcjpwdw==")
		return "`appError` 401, disconnected, nothing else sent; REST 401"
	}},
	{number: "T02", name: "`alg: none` in any spelling, an empty signature", run: func(s *site) string {
		bad := map[string]string{"empty signature": strings.Join(strings.Split(signed(claims(nil), nil), ".")[:2], ".") + "."}
		for _, alg := range []string{"none", "None", "nOnE", "NONE"} {
			bad[alg] = segment(map[string]string{"alg": alg, "typ": "JWT"}) + "." + segment(claims(nil)) + "."
		}
		return badTokens(s, bad)
	}},
	{number: "T04", name: "another HMAC", run: func(s *site) string {
		bad := map[string]string{}
		for _, m := range []*jwt.SigningMethodHMAC{jwt.SigningMethodHS384, jwt.SigningMethodHS512} {
			bad[m.Name], _ = jwt.NewWithClaims(m, claims(nil)).SignedString([]byte(secret))
		}
		return badTokens(s, bad)
	}},
	{number: "T05", name: "a spoiled signature or payload", run: func(s *site) string {
		good := signed(claims(nil), nil)
		parts := strings.Split(good, ".")
		sig, _ := base64.RawURLEncoding.DecodeString(parts[2])
		sig[0] ^= 1
		return badTokens(s, map[string]string{
			"one bit":       parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(sig),
			"other payload": parts[0] + "." + segment(claims(jwt.MapClaims{"userId": 3})) + "." + parts[2],
			"trailing dot":  good + ".", "extra segment": good + ".e30", "no dots": "abc",
		})
	}},
	{number: "T06", name: "another issuer or audience", run: func(s *site) string {
		return badTokens(s, map[string]string{
			"iss": signed(claims(jwt.MapClaims{"iss": "evil"}), nil), "no iss": signed(claims(jwt.MapClaims{"iss": nil}), nil),
			"aud": signed(claims(jwt.MapClaims{"aud": "other"}), nil), "aud list": signed(claims(jwt.MapClaims{"aud": []string{"a", "b"}}), nil),
			"no aud": signed(claims(jwt.MapClaims{"aud": nil}), nil),
		})
	}},
	{number: "T07", name: "expired, without or with a senseless expiry", run: func(s *site) string {
		now := time.Now().Unix()
		s.want(200, nobody, "GET", "/api/v1/chats", "", "Authorization", "Bearer "+signed(claims(jwt.MapClaims{"exp": now - 25}), nil))
		return badTokens(s, map[string]string{
			"31 s ago": signed(claims(jwt.MapClaims{"exp": now - 31}), nil), "missing": signed(claims(jwt.MapClaims{"exp": nil}), nil),
			"text": signed(claims(jwt.MapClaims{"exp": "tomorrow"}), nil), "1e300": signed(claims(jwt.MapClaims{"exp": 1e300}), nil),
		}) + "; 25 s ago within the leeway: 200"
	}},
	{number: "T08", name: "from the future", run: func(s *site) string {
		later := time.Now().Add(10 * time.Minute).Unix()
		return badTokens(s, map[string]string{"nbf": signed(claims(jwt.MapClaims{"nbf": later}), nil), "iat": signed(claims(jwt.MapClaims{"iat": later}), nil)})
	}},
	{number: "T10", name: "headers that bring or name a key", run: func(s *site) string {
		address, visits := s.trap()
		bad := map[string]string{}
		for name, h := range map[string]map[string]any{
			"kid path": {"kid": "../../dev/null"}, "kid sql": {"kid": "' OR 1=1--"}, "jku": {"jku": "http://" + address + "/"}, "x5u": {"x5u": "http://" + address + "/"},
			"kid address": {"kid": "http://" + address + "/"}, "jwk": {"jwk": map[string]string{"kty": "oct", "k": "AA"}}, "crit": {"crit": []string{"x"}},
		} {
			bad[name] = signed(claims(nil), h)
		}
		seen := badTokens(s, bad)
		if n := visits(); n != 0 {
			s.Errorf("%d connections to the address in a header", n)
		}
		return seen + "; the address is not asked"
	}},
	{number: "T11", name: "a refresh or identity token", run: func(s *site) string {
		return badTokens(s, map[string]string{
			"typ": signed(claims(nil), map[string]any{"typ": "refresh+jwt"}), "use": signed(claims(jwt.MapClaims{"token_use": "id"}), nil),
			"token_type": signed(claims(jwt.MapClaims{"token_type": "refresh"}), nil),
		})
	}},
	{number: "T12", name: "a role or an id that cannot be", run: func(s *site) string {
		bad := map[string]string{}
		for i, role := range []any{"root", nil, []string{"customer"}, "CUSTOMER ", 1} {
			bad[fmt.Sprint("role ", i)] = signed(claims(jwt.MapClaims{"userType": role}), nil)
		}
		for i, id := range []any{"", 0, -1, 2.5, json.Number("1e400"), "2 OR 1=1", nil, true} {
			bad[fmt.Sprint("id ", i)] = signed(claims(jwt.MapClaims{"userId": id}), nil)
		}
		return badTokens(s, bad)
	}},
	{number: "T15", name: "a token in the address", run: func(s *site) string {
		if status := s.refusedSocket("/presence", nil, siotest.WithQuery("token", token(john, time.Hour))); status != 401 {
			s.Errorf("socket: %d", status)
		}
		s.want(401, nobody, "GET", "/api/v1/chats?token="+token(john, time.Hour), "")
		return "ignored: 401; the log does not have it"
	}},
	{number: "T16", name: "a token that expires while connected", run: func(s *site) string {
		c := s.dial()
		short := signed(claims(jwt.MapClaims{"exp": time.Now().Add(-27 * time.Second).Unix()}), nil)
		c.Connect("/presence", short)
		var r reply
		_ = json.Unmarshal(c.Expect("/presence", "appError", siotest.Timeout), &r)
		c.ExpectClosed(siotest.Timeout)
		if r.StatusCode != 401 {
			s.Errorf("told %d", r.StatusCode)
		}
		return "`appError` 401 when the leeway ends, connection closed"
	}},
	{number: "T17", name: "refreshing with somebody else's token", writes: true, run: func(s *site) string {
		c := s.join(john)
		s.wantAck(401, c, "refreshToken", `{"token":"abc"}`)
		s.wantAck(403, c, "refreshToken", fmt.Sprintf(`{"token":%q}`, token(haven, time.Hour)))
		c.ExpectDisconnect("/chat", siotest.Timeout)
		return "403 and disconnected; a bad one: 401"
	}},
	{number: "T18", name: "revoked while connected", settings: map[string]string{}, writes: true, run: func(s *site) string {
		old := token(john, time.Hour)
		c := s.join(john)
		s.want(403, john, "POST", "/api/v1/admin/users/customer/2/revoke", "")
		s.want(200, root, "POST", "/api/v1/admin/users/customer/2/revoke", "")
		c.ExpectClosed(siotest.Timeout)
		s.want(401, nobody, "GET", "/api/v1/chats", "", "Authorization", "Bearer "+old)
		if status := s.refusedSocket("/presence", map[string]string{"token": old}); status != 401 {
			s.Errorf("reconnecting: %d", status)
		}
		return "sockets closed at once, 401 on reconnecting and on REST"
	}},
	{number: "T19", name: "guessing tokens behind a trusted proxy", rest: true, settings: map[string]string{"LIMIT_FAILURES_PER_MINUTE_PER_IP": "10", "TRUSTED_PROXIES": "127.0.0.1"}, run: func(s *site) string {
		try := func(from string) int {
			return s.rest(nobody, "GET", "/api/v1/chats", "", "Authorization", "Bearer abc", "X-Forwarded-For", from).status
		}
		for i := range 25 { // what the proxy has seen is last; what is before it, anybody may have written
			if status := try(fmt.Sprintf("198.51.100.7, 203.0.113.%d", i)); status != 401 {
				s.Errorf("%d from an address of its own", status)
			}
		}
		last := 0
		for i := range 25 {
			last = try(fmt.Sprintf("198.51.100.%d, 203.0.113.99", i))
		}
		if last != 429 {
			s.Errorf("%d after 25 times from one address", last)
		}
		return "the address that the proxy has seen counts, not what the client says"
	}},
	{number: "T19", name: "guessing tokens, with a forged address each time", settings: map[string]string{"LIMIT_FAILURES_PER_MINUTE_PER_IP": "10"}, run: func(s *site) string {
		late := 0
		for i := range 25 {
			if a := s.rest(nobody, "GET", "/api/v1/chats", "", "Authorization", "Bearer abc", "X-Forwarded-For", fmt.Sprintf("203.0.113.%d", i)); a.status == 429 {
				late++
			}
		}
		if late < 10 {
			s.Errorf("REST: 429 only %d times", late)
		}
		refused := false
		for range 25 {
			c, res, err := s.tryDial(siotest.WithHeader("X-Forwarded-For", "203.0.113.77"))
			if err != nil {
				refused = res != nil && res.StatusCode == 429
				break
			}
			_, _ = c.TryConnect("/presence", map[string]string{"token": "abc"})
			_ = c.Wait(siotest.Timeout, func(all []siotest.Received) bool { return len(all) >= 3 })
			c.Close()
		}
		if !refused {
			s.Error("sockets: no 429 on the handshake")
		}
		return "429 after ten, whatever X-Forwarded-For says"
	}},
}
