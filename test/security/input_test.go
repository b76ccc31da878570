package security

import (
	"encoding/json"
	"fmt"
	"mime"
	"net"
	"regexp"
	"strings"
	"sync/atomic"

	"chaffer/internal/realtime/siotest"
)

var inputRows = []attack{
	{number: "T61", name: "payloads that are no object", run: func(s *site) string {
		c := s.join(john)
		for _, payload := range []string{"null", "[]", `"text"`, "1", "true"} {
			s.wantAck(400, c, "sendMessage", payload)
		}
		s.wantAck(400, c, "sendMessage", `{},{},{}`)
		return "400"
	}},
	{number: "T62", name: "deep and wide JSON", run: func(s *site) string {
		for _, depth := range []int{17, 9000, 30000} {
			c := s.join(john)
			c.Raw(`42/chat,0["sendMessage",` + strings.Repeat("[", depth) + strings.Repeat("]", depth) + `]`)
			if b, err := c.TryAck("/chat", 0, siotest.Timeout); err == nil && !strings.Contains(string(b), `"statusCode":400`) {
				s.Errorf("depth %d: %s", depth, b)
			}
			c.Close()
			s.want(400, john, "POST", "/api/v1/chats/messages", strings.Repeat("[", depth)+strings.Repeat("]", depth))
		}
		var keys []string
		for i := range 65 {
			keys = append(keys, fmt.Sprintf(`"k%d":1`, i))
		}
		s.want(400, john, "POST", "/api/v1/chats/messages", "{"+strings.Join(keys, ",")+"}")
		return "400 or closed"
	}},
	{number: "T63", name: "keys with a meaning elsewhere", writes: true, run: func(s *site) string {
		c := s.join(john)
		r := s.wantAck(201, c, "sendMessage", `{"productId":"t63","recipientId":2,"text":"x","__proto__":{"a":1},"constructor":1,"$where":"1","a.b":1}`)
		for _, key := range []string{"__proto__", "constructor", "$where", "a.b"} {
			if strings.Contains(string(r.Data), key) {
				s.Errorf("%s comes back", key)
			}
			s.want(400, john, "POST", "/api/v1/chats/messages", fmt.Sprintf(`{"productId":"t63","recipientId":2,"text":"x",%q:1}`, key))
		}
		return "never echoed; REST 400"
	}},
	{number: "T64", name: "numbers that are not ids", run: func(s *site) string {
		c := s.join(john)
		for _, id := range []string{"1e400", "-0", "9007199254740993", "2.5", "0x2", "true", "-1"} {
			r := s.ask(c, "sendMessage", `{"productId":"t64","recipientId":`+id+`,"text":""}`)
			if r.StatusCode != 400 {
				s.Errorf("%s: %d", id, r.StatusCode)
			}
			if id == "0x2" { // not JSON: the connection is closed
				c = s.join(john)
			}
		}
		return "400"
	}},
	{number: "T65", name: "texts that are empty or too long", run: func(s *site) string {
		c := s.join(john)
		for name, text := range map[string]string{
			"empty": "", "spaces": "   \n\t", "zero width": "\u200b\u200d\ufeff", "4,001 characters": strings.Repeat("a", 4001), "16 KB of runes": strings.Repeat("😀", 4097),
			"controls": "\x00\x01\x02",
		} {
			b, _ := json.Marshal(text)
			if r := s.ask(c, "sendMessage", `{"productId":"t65","recipientId":2,"text":`+string(b)+`}`); r.StatusCode != 400 {
				s.Errorf("%s: %d", name, r.StatusCode)
			}
			s.want(400, john, "POST", "/api/v1/chats/messages", `{"productId":"t65","recipientId":2,"text":`+string(b)+`}`)
		}
		return "400"
	}},
	{number: "T66", name: "NUL, controls, escapes, overrides, broken UTF-16", writes: true, run: func(s *site) string {
		c := s.join(john)
		r := s.wantAck(201, c, "sendMessage", `{"productId":"t66","recipientId":2,"text":"a\u0000b\u001b[31mc\r\nd\u202ee\ud800f","storeName":"x\u0000\ny\u202e"}`)
		var m struct{ Text string }
		if json.Unmarshal(r.Data, &m); m.Text != "ab[31mc\nde\ufffdf" {
			s.Errorf("stored as %q", m.Text)
		}
		a := s.want(200, haven, "GET", "/api/v1/chats/by-product/t66/2/2", "")
		if a.field("data.storeName") != "x y" {
			s.Errorf("the name is %q", a.field("data.storeName"))
		}
		return "stripped; a lone surrogate is U+FFFD; the same on both databases"
	}},
	{number: "T67", name: "overrides, towers of accents, look-alike spellings", writes: true, run: func(s *site) string {
		c := s.join(john)
		tower := strings.Repeat("\u0335", 500)
		text, _ := json.Marshal("a\u202eb\u202ac\u2066d\u2069e Z" + tower + "o")
		name, _ := json.Marshal("\uff34\uff45\uff43\uff48\u202e \ufb01x\u200b\u2066 Z" + tower + "o")
		r := s.wantAck(201, c, "sendMessage", fmt.Sprintf(`{"productId":"t67","recipientId":2,"text":%s,"storeName":%s,"productName":%s}`, text, name, name))
		var m struct{ Text string }
		if json.Unmarshal(r.Data, &m); m.Text != "abcde Z"+tower[:8*len("\u0335")]+"o" {
			s.Errorf("the text is %q", m.Text)
		}
		a := s.want(200, haven, "GET", "/api/v1/chats/by-product/t67/2/2", "")
		for _, field := range []string{"data.storeName", "data.productName"} {
			if got := a.field(field); got != "Tech fix Z"+tower[:8*len("\u0335")]+"o" {
				s.Errorf("%s is %q", field, got)
			}
		}
		for _, address := range []string{"https://x.example/\u202egpj.exe", "https://x.example/a\u2066b", "https://x.example/\u200bc"} {
			b, _ := json.Marshal(address)
			s.wantAck(400, c, "sendMessage", `{"productId":"t67b","recipientId":2,"text":"x","productImageUrl":`+string(b)+`}`)
		}
		return "stripped from texts and names, refused in addresses; at most eight marks on a letter; names in one spelling (NFKC)"
	}},
	{number: "T68", name: "markup in texts and names", rest: true, writes: true, run: func(s *site) string {
		for i, markup := range []string{"<script>alert(1)</script>", `<img src=x onerror=alert(1)>`, `"><svg/onload=alert(1)>`, "javascript:alert(1)", "&lt;b&gt;"} {
			b, _ := json.Marshal(markup)
			a := s.want(201, john, "POST", "/api/v1/chats/messages", fmt.Sprintf(`{"productId":"t68-%d","recipientId":2,"text":%s,"productName":%s}`, i, b, b))
			if a.field("data.text") != markup || !strings.HasPrefix(a.header.Get("Content-Type"), "application/json") || a.header.Get("X-Content-Type-Options") != "nosniff" {
				s.Errorf("%s: %v %s", markup, a.header, a.body)
			}
		}
		for _, page := range []string{"/vendor", "/admin", "/docs"} {
			a := s.want(200, nobody, "GET", page, "")
			if csp := a.header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'self'") && !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "script-src 'unsafe-inline'") || a.header.Get("X-Frame-Options") != "DENY" {
				s.Errorf("%s: %q", page, csp)
			}
		}
		return "kept as it is, sent as JSON with nosniff; pages have a policy"
	}},
	{number: "T69", name: "lines for the log", rest: true, writes: true, run: func(s *site) string {
		forged := "x\nlevel=ERROR msg=forged-canary"
		b, _ := json.Marshal(forged)
		s.want(201, john, "POST", "/api/v1/chats/messages", `{"productId":"t69","recipientId":2,"text":`+string(b)+`}`)
		s.rest(nobody, "GET", "/api/v1/chats", "", "User-Agent", "a\tlevel=ERROR", "Origin", "https://forged-canary.example")
		for _, line := range strings.Split(s.journal.String(), "\n") {
			if strings.HasPrefix(line, "level=ERROR msg=forged") {
				s.Errorf("forged: %s", line)
			}
		}
		return "one escaped line; texts are not logged at all"
	}},
	{number: "T70", name: "addresses that are none", rest: true, run: func(s *site) string {
		for _, address := range []string{"javascript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "//evil.example/x", "https://user:pw@x.example/", "java\tscript:x", "https://x.example/" + strings.Repeat("a", 2040), "https://", "x"} {
			b, _ := json.Marshal(address)
			for _, field := range []string{"productImageUrl", "storeLogoUrl", "customerProfilePic"} {
				s.want(400, john, "POST", "/api/v1/chats/messages", fmt.Sprintf(`{"productId":"t70","recipientId":2,"text":"x",%q:%s}`, field, b))
			}
		}
		return "400 in every field"
	}},
	{number: "T71", name: "addresses of the inside", rest: true, writes: true, run: func(s *site) string {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			s.Fatal(err)
		}
		var visits atomic.Int64
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				visits.Add(1)
				_ = c.Close()
			}
		}()
		for i, host := range []string{ln.Addr().String(), "localhost:" + strings.Split(ln.Addr().String(), ":")[1]} {
			s.want(201, john, "POST", "/api/v1/chats/messages", fmt.Sprintf(`{"productId":"t71-%d","recipientId":2,"text":"http://%s/","productImageUrl":"http://%s/x.png"}`, i, host, host))
		}
		_ = ln.Close()
		<-done
		if visits.Load() != 0 {
			s.Errorf("%d connections", visits.Load())
		}
		return "no connection is ever made"
	}},
	{number: "T72", name: "SQL in every text", run: func(s *site) string {
		c := s.join(john)
		for _, sql := range []string{"' OR 1=1--", "1=1", "1) OR 1=1--", "'; DROP TABLE chats;--", "\\' OR 1=1", "00000000-0000-7000-8000-000000000001' OR '1'='1"} {
			b, _ := json.Marshal(sql)
			for _, event := range []string{"joinChat", "getMessages", "markAsRead", "typing"} {
				s.wantAck(404, c, event, `{"chatId":`+string(b)+`}`)
			}
			s.wantAck(400, c, "getUserChats", `{"cursor":`+string(b)+`}`)
			s.wantAck(404, c, "resume", `{"positions":{`+string(b)+`:{"seq":0}}}`)
			s.wantAck(400, c, "sendMessage", `{"productId":`+string(b)+`,"recipientId":2,"text":""}`)
		}
		return "404 or 400: an id is parsed before it reaches a query"
	}},
	{number: "T73", name: "WebSocket frames that cannot be", frames: true, run: func(s *site) string {
		for _, kind := range []int{3, 7, 11} {
			c := s.join(john)
			if c.Message(kind, []byte("x")) == nil {
				c.ExpectClosed(siotest.Timeout)
			}
		}
		c := s.join(john)
		_ = c.Message(1, []byte{'4', '2', 0xff, 0xfe})
		c.ExpectClosed(siotest.Timeout)
		return "closed"
	}},
	{number: "T74", name: "wildcards in the search", rest: true, writes: true, run: func(s *site) string {
		s.open("t74", "one hundred %_ percent")
		if a := s.want(200, root, "GET", "/api/v1/admin/chats?q=%25_%20percent", ""); !strings.Contains(string(a.body), "t74") {
			s.Errorf("the literal is not found: %s", a.body)
		}
		if a := s.want(200, root, "GET", "/api/v1/admin/chats?q=h%25d", ""); strings.Contains(string(a.body), "t74") {
			s.Errorf("%% is a wildcard: %s", a.body)
		}
		s.want(400, root, "GET", "/api/v1/admin/chats?q="+strings.Repeat("a", 101), "")
		return "literal; over 100 characters 400"
	}},
	{number: "T75", name: "pages that cannot be", run: func(s *site) string {
		c := s.join(john)
		for _, limit := range []string{"-1", "1.5", `"x"`, "true"} {
			s.wantAck(400, c, "getUserChats", `{"limit":`+limit+`}`)
		}
		s.wantAck(200, c, "getUserChats", `{"limit":1000000000}`)
		for _, cursor := range []string{"x", "AAAA", "..", strings.Repeat("A", 5000)} {
			s.wantAck(400, c, "getUserChats", fmt.Sprintf(`{"cursor":%q}`, cursor))
			s.want(400, john, "GET", "/api/v1/chats?cursor="+cursor, "")
		}
		s.want(400, john, "GET", "/api/v1/chats?limit=NaN", "")
		return "400, or cut to 100"
	}},
	{number: "T77", name: "formulas in a transcript", rest: true, writes: true, run: func(s *site) string {
		chatID, _ := s.open("t77", `=HYPERLINK("http://evil","x")`)
		a := s.want(200, root, "GET", "/api/v1/admin/chats/"+chatID+"/transcript?format=csv", "")
		if !strings.Contains(string(a.body), `'=HYPERLINK`) || strings.ContainsAny(a.header.Get("Content-Disposition"), "\r\n") {
			s.Errorf("%v %s", a.header, a.body)
		}
		return "prefixed with an apostrophe"
	}},
	{number: "T78", name: "headers by way of a name", writes: true, rest: true, run: func(s *site) string {
		evil, _ := json.Marshal("x\"; filename=\"evil.exe\"\r\nX-Evil: 1\u2028é")
		sent := s.want(201, john, "POST", "/api/v1/chats/messages", fmt.Sprintf(`{"productId":"t78\"\\;","recipientId":2,"text":%s,"productName":%s,"storeName":%s}`, evil, evil, evil))
		chat := fmt.Sprint("/api/v1/admin/chats/", sent.field("data.chatId"), "/transcript?format=")
		picture := s.upload(john, picture())
		address, _ := picture.field("data.imageUrl").(string)
		for path, want := range map[string]string{
			chat + "csv": "attachment", chat + "text": "attachment", chat + "json": "attachment",
			"/api/v1/admin/users/customer/2/export": "attachment", address[strings.Index(address, "/media/"):]: "inline",
		} {
			a := s.want(200, root, "GET", path, "")
			all := a.header.Values("Content-Disposition")
			if len(all) != 1 || a.header.Get("X-Evil") != "" {
				s.Errorf("%s: %v", path, a.header)
				continue
			}
			kind, parameters, err := mime.ParseMediaType(all[0])
			if err != nil || kind != want || kind == "attachment" && !fileName.MatchString(parameters["filename"]) || strings.Contains(all[0], "evil") {
				s.Errorf("%s: %q (%v)", path, all[0], err)
			}
		}
		return "five downloads: one Content-Disposition each, by RFC 6266, with a file name of ours and nothing of anybody's"
	}},
	{number: "T92", name: "errors that tell too much", rest: true, run: func(s *site) string {
		for _, path := range []string{"/api/v1/chats/%00", "/api/v1/chats/%ff", "/api/v1/chats/..%2f..%2f", "/api/v1/admin/users/customer/%00", "/api/v1/nothing", "/%c0%af"} {
			if a := s.rest(root, "GET", path, ""); a.status >= 500 || a.status < 400 {
				s.Errorf("%s: %d", path, a.status)
			} else {
				s.clean(a.body)
			}
		}
		return "4xx with a sentence of ours"
	}},
}

// fileName is what a download of ours may be called.
var fileName = regexp.MustCompile(`^(chat-[0-9a-f-]{36}\.(csv|txt|json)|export\.ndjson)$`)
